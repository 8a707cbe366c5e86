"""The access of a member of the staff to the tasks of one user: granted for an hour after they enter a reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Self

from django.http import HttpRequest
from django.utils import timezone

from todo_site.journal.changes import ChangeContext

SESSION_KEY = "reason"
LIFETIME = timedelta(hours=1)


@dataclass(frozen=True)
class StaffAccess:
    """A granted access. It is kept in the signed session and not in URLs, which end up in logs and histories."""

    text: str
    staff_id: str
    owner_id: str
    until: float

    @classmethod
    def grant(cls, request: HttpRequest, owner_id: str, text: str) -> None:
        """Grant access to the tasks of one user. It replaces an earlier access to any user's tasks."""
        until = (timezone.now() + LIFETIME).timestamp()
        request.session[SESSION_KEY] = asdict(cls(text, str(request.user.pk), owner_id, until))

    @classmethod
    def current(cls, request: HttpRequest, owner_id: str) -> Self | None:
        """Return the access of the signed-in member of the staff to the owner's tasks, or None if it has expired."""
        values = request.session.get(SESSION_KEY)
        access = cls(**values) if values else None
        if access is None or (access.staff_id, access.owner_id) != (str(request.user.pk), owner_id):
            return None
        return access if timezone.now().timestamp() < access.until else None

    def get_change_context(self, request: HttpRequest) -> ChangeContext:
        """Return what the owner's journal records about this request."""
        return ChangeContext(getattr(request, "id", ""), staff=request.user.get_username(), reason=self.text)
