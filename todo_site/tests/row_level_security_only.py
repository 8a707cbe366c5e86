"""Removes the owned manager's filter from whatever serves a request, so that only row-level security is left.

``pytest --row-level-security-only`` does it to a run of the tests, and gunicorn serves such a site as
``todo_site.tests.row_level_security_only:site()``. What a test itself reads outside of a request stays as it is.
"""

from __future__ import annotations

import threading
from typing import Any

from django.core.signals import request_finished, request_started
from django.db.models import sql

from todo_site.ownership.managers import OwnedQueryMixin

request = threading.local()


def note_start(**kwargs: Any) -> None:
    request.is_served = True


def note_end(**kwargs: Any) -> None:
    request.is_served = False


def remove_owner_filter() -> None:
    with_owner = OwnedQueryMixin.get_compiler

    def get_compiler(self: OwnedQueryMixin, *args: Any, **kwargs: Any) -> Any:
        compile_it = sql.Query.get_compiler if getattr(request, "is_served", False) else with_owner
        return compile_it(self, *args, **kwargs)

    OwnedQueryMixin.get_compiler = get_compiler  # type: ignore[method-assign]
    request_started.connect(note_start)
    request_finished.connect(note_end)


def site() -> Any:
    """Return the WSGI application."""
    remove_owner_filter()
    from todo_site.wsgi import application

    return application
