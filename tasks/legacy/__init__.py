"""The migration of tasks from the legacy backend."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from .postgresql import PostgreSQLLegacyTable
from .schema import LegacyTable
from .sqlite import SQLiteLegacyTable

__all__ = ["LegacyTable", "get_legacy_table"]


def get_legacy_table(connection: BaseDatabaseWrapper) -> LegacyTable:
    return PostgreSQLLegacyTable(connection) if connection.vendor == "postgresql" else SQLiteLegacyTable(connection)
