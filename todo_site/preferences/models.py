from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from todo_site.ownership.managers import OwnedManager, OwnedQuerySet
from todo_site.ownership.models import OwnedBase


class PreferencesQuerySet(OwnedQuerySet["Preferences"]):
    def get_or_default(self) -> Preferences:
        """Return the user's row, or an unsaved one with the defaults."""
        return self.first() or Preferences(user_id=self.owner)

    def upsert(self, **values: Any) -> Preferences:
        """Set the given fields. Create the row if there is none."""
        if values and not self.update(**values):
            try:
                with transaction.atomic(using=self.db):
                    self.create(**values)
            except IntegrityError:  # another tab created it
                self.update(**values)
        return self.get_or_default()


class Preferences(OwnedBase):
    """Language, time zone and appearance of the pages. Empty values follow the browser."""

    class Theme(models.TextChoices):
        DEVICE = "device", _("System default")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    class Density(models.TextChoices):
        COMFORTABLE = "comfortable", _("Comfortable")
        COMPACT = "compact", _("Compact")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.DB_CASCADE,
        related_name="+",
        editable=False,
        verbose_name=_("owner"),
    )
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")
    theme = models.CharField(max_length=16, choices=Theme, default=Theme.DEVICE, db_default=Theme.DEVICE)
    density = models.CharField(
        max_length=16, choices=Density, default=Density.COMFORTABLE, db_default=Density.COMFORTABLE
    )
    shortcuts = models.BooleanField(default=True, db_default=True)
    language = models.CharField(max_length=16, blank=True, default="", db_default="")

    objects: ClassVar = OwnedManager.from_queryset(PreferencesQuerySet)()

    class Ownership:
        journal = ()
        export = None  # how pages look: nothing that somebody wrote
        erase = False  # the account goes on, and with it its language

    class Meta(OwnedBase.Meta):
        abstract = False
        db_table = "preferences"
        verbose_name = verbose_name_plural = _("preferences")
        constraints = [
            models.CheckConstraint(
                name="chk_preferences_theme", condition=models.Q(theme__in=["device", "light", "dark"])
            ),
            models.CheckConstraint(
                name="chk_preferences_density", condition=models.Q(density__in=["comfortable", "compact"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.theme}, {self.density}, {self.time_zone or 'UTC'}"

    @property
    def zone(self) -> tzinfo:
        """Return the time zone; UTC if it is not set or unknown to this server."""
        try:
            return ZoneInfo(self.time_zone) if self.time_zone else UTC
        except (ValueError, ZoneInfoNotFoundError):
            return UTC
