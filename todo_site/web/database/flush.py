from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth import get_user_model


def users_first(tables: Iterable[str]) -> list[str]:
    """Return the tables in the order in which ``flush`` can empty them.

    Owned rows are deleted with their users: TRUNCATE of a journalled table, and DELETE of journal entries, are refused.
    """
    users = get_user_model()._meta.db_table
    return sorted(tables, key=lambda table: (table != users, table))
