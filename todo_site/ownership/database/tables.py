"""What the SQL of an owned table is made from: names and kinds of columns, read from a model of a migration's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from django.db import models

# Kinds of columns that have the same canonical text on PostgreSQL and SQLite. Numeric and float columns have none.
KINDS: dict[type[models.Field[Any, Any]], str] = {
    models.BooleanField: "boolean",
    models.DateTimeField: "time",
    models.DateField: "date",
    models.IntegerField: "integer",
    models.JSONField: "list",
    models.TextField: "text",
    models.CharField: "text",
    models.TimeField: "time of day",
    models.UUIDField: "uuid",
}


def kind_of(field: models.Field[Any, Any]) -> str | None:
    """Return the kind of a column, or None if it cannot be journalled."""
    if isinstance(field, models.ForeignKey):
        return kind_of(field.target_field)
    return next((kind for base, kind in KINDS.items() if isinstance(field, base)), None)


@dataclass(frozen=True)
class OwnedTable:
    """Columns are given by their kind, sorted by name."""

    name: str
    owner_type: str  # of the owner's column, such as "text", "varchar(255)" or "uuid"
    journal: dict[str, str]  # columns whose change is an entry
    times: dict[str, str]  # columns with the times of creation and of the last change: an entry contains their change
    fixed: list[str]  # columns that never change
    read_only: bool  # requests may only read the table

    @classmethod
    def from_declaration(cls, model: Any, declaration: dict[str, Any], connection: Any) -> Self:
        fields = {field.column: field for field in model._meta.local_concrete_fields}
        created = [name for name, field in fields.items() if getattr(field, "auto_now_add", False)]
        times = {*created, *(name for name, field in fields.items() if getattr(field, "auto_now", False))}
        kinds = {name: kind_of(field) or "" for name, field in sorted(fields.items())}
        return cls(
            name=model._meta.db_table,
            owner_type=fields["user_id"].db_type(connection),
            journal={name: kinds[name] for name in declaration["journal"]},
            times={name: kinds[name] for name in sorted(times - {*declaration["journal"]})},
            fixed=[model._meta.pk.column, *(["user_id"] if model._meta.pk.column != "user_id" else []), *created],
            read_only=declaration.get("read_only", False),
        )

    def columns_of(self, kind: str) -> list[str]:
        """Return the columns of a kind that an entry contains."""
        return [name for name, one in sorted({**self.journal, **self.times}.items()) if one == kind]
