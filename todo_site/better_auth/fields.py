from __future__ import annotations

import secrets
import string
import uuid
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper

ALPHABET = string.ascii_letters + string.digits

# The types of the id columns, by database and table. They are cached once the table exists: they never change.
_column_types: dict[tuple[object, ...], str] = {}


def random_token() -> str:
    """Return 32 characters of a-zA-Z0-9 (190 bits), like the ids and session tokens of Better Auth."""
    return "".join(secrets.choice(ALPHABET) for _ in range(32))


def is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


class IdField(models.TextField[str, str]):
    """The id of a Better Auth row: ``str`` in Python, and text, varchar or uuid in the database, like its table."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        if connection.vendor != "postgresql":
            return "text"
        table = self.model._meta.db_table
        database = connection.settings_dict
        key = (database["HOST"], database["PORT"], database["NAME"], str(database["OPTIONS"].get("options")), table)
        if key not in _column_types:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
                    " WHERE attrelid = to_regclass(%s) AND attname = %s",
                    [f'"{table}"', self.column],
                )
                if (row := cursor.fetchone()) is None:
                    return "text"
            _column_types[key] = row[0]
        return _column_types[key]

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str | None:
        return None if value is None else str(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Raise EmptyResultSet for a text that this column cannot store, so that a lookup finds nothing."""
        if isinstance(value, str) and ("\0" in value or (self.db_type(connection) == "uuid" and not is_uuid(value))):
            raise EmptyResultSet
        return super().get_db_prep_value(value, connection, prepared)

    def generate(self) -> str:
        """Return a new id of the column's type."""
        return str(uuid.uuid4()) if self.db_type(connection) == "uuid" else random_token()
