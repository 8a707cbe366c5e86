from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from todo_site.better_auth.models import User
from todo_site.ownership.row_level_security import scoped_to


@pytest.fixture
def as_request() -> Callable[[User], AbstractContextManager[Any]]:
    """Run the statements of a block as a request of this user does."""
    return lambda user: scoped_to(lambda: user.id)
