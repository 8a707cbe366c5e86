"""Takes the owned manager's WHERE out of whatever serves a request, so that row-level security stands alone.

For the tests that try it: ``pytest --row-level-security-only`` does it to a run of the suite, and gunicorn serves a site without it
as ``todo_site.tests.row_level_security_only:site()``. What a test itself reads outside of a request is left as it is.
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


def take_out_owner() -> None:
    with_owner = OwnedQueryMixin.get_compiler

    def get_compiler(self: OwnedQueryMixin, *args: Any, **kwargs: Any) -> Any:
        compile_it = sql.Query.get_compiler if getattr(request, "is_served", False) else with_owner
        return compile_it(self, *args, **kwargs)

    OwnedQueryMixin.get_compiler = get_compiler  # type: ignore[method-assign]
    request_started.connect(note_start)
    request_finished.connect(note_end)


def site() -> Any:
    """The WSGI application."""
    take_out_owner()
    from todo_site.wsgi import application

    return application
