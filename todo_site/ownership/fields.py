from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models


class AutoTimestampField(models.DateTimeField[Any, Any]):
    """A DateTimeField with auto_now or auto_now_add whose inserted rows may bring their own time."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        given = getattr(model_instance, self.attname)
        return given if add and isinstance(given, datetime) else super().pre_save(model_instance, add)
