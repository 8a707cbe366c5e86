"""Removes one isolation layer at a time, to show that the others keep users apart."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import _lru_cache_wrapper
from typing import Any
from unittest.mock import patch

from django.apps import apps
from django.core.checks import registry
from django.core.signals import request_finished, request_started
from django.db import connection
from django.db.models import Manager, sql

from todo_site.ownership import row_level_security
from todo_site.ownership.checks import check_owned_models
from todo_site.ownership.managers import OwnedQueryMixin, OwnedQuerySet
from todo_site.ownership.models import OwnedBase
from todo_site.tests.owner_filter_guard import owner_filter_guard
from todo_site.tests.row_level_security_only import note_end, note_start, request


@contextmanager
def without(layer: str) -> Iterator[None]:
    """Run the site without one of its layers, and without the guard, which only the tests have."""
    watched = owner_filter_guard in connection.execute_wrappers
    if watched:
        connection.execute_wrappers.remove(owner_filter_guard)
    forget_compiled_queries()
    try:
        with BREACHES[layer]():
            yield
    finally:
        forget_compiled_queries()
        if watched:
            connection.execute_wrappers.insert(0, owner_filter_guard)


def forget_compiled_queries() -> None:
    """Clear every cache of compiled queries: what was compiled without a layer must not outlive its absence."""
    for cached in gc.get_objects():
        if type(cached) is not _lru_cache_wrapper:  # isinstance() would set up Django's lazy objects
            continue
        if "CompiledQuery" in str(getattr(cached.__wrapped__, "__annotations__", "")):
            cached.cache_clear()


@contextmanager
def while_served() -> Iterator[None]:
    """Limit a change to requests: what a test itself reads stays as it is."""
    request_started.connect(note_start)
    request_finished.connect(note_end)
    try:
        yield
    finally:
        request_started.disconnect(note_start)
        request_finished.disconnect(note_end)


@contextmanager
def no_scope_in_views() -> Iterator[None]:
    bind = OwnedQuerySet.for_user

    def for_user(self: OwnedQuerySet[Any], user_id: str) -> OwnedQuerySet[Any]:
        return self.all() if getattr(request, "is_served", False) else bind(self, user_id)

    with while_served(), patch.object(OwnedQuerySet, "for_user", for_user):
        yield


@contextmanager
def no_owner_in_queries() -> Iterator[None]:
    with_owner = OwnedQueryMixin.get_compiler

    def get_compiler(self: OwnedQueryMixin, *args: Any, **kwargs: Any) -> Any:
        # Before the first request it is a test of the manager itself that asks.
        compile_it = sql.Query.get_compiler if getattr(request, "is_served", True) else with_owner
        return compile_it(self, *args, **kwargs)

    with while_served(), patch.object(OwnedQueryMixin, "get_compiler", get_compiler):
        yield


@contextmanager
def plain_base_managers() -> Iterator[None]:
    owned = [model for model in apps.get_models() if issubclass(model, OwnedBase)]
    kept = {model: model._meta.base_manager for model in owned}
    for model in owned:
        plain: Manager[Any] = Manager()
        plain.name, plain.model = "_base_manager", model
        model._meta.__dict__["base_manager"] = plain
    try:
        yield
    finally:
        for model, manager in kept.items():
            model._meta.__dict__["base_manager"] = manager


@contextmanager
def no_system_check() -> Iterator[None]:
    checks: set[Any] = registry.registry.registered_checks
    checks.remove(check_owned_models)
    try:
        yield
    finally:
        checks.add(check_owned_models)


@contextmanager
def no_foreign_keys() -> Iterator[None]:
    """Drop them within the transaction of a test. Only PostgreSQL can."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'f'")
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    yield


@contextmanager
def no_policy() -> Iterator[None]:
    """Remove the policies. Statements keep their time limits, or the tests of those would never end."""
    with patch.object(row_level_security, "ROLE", "none"):
        yield


BREACHES = {
    "view": no_scope_in_views,
    "manager": no_owner_in_queries,
    "base manager": plain_base_managers,
    "system check": no_system_check,
    "foreign key": no_foreign_keys,
    "policy": no_policy,
}
