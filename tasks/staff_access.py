"""Why a member of the staff opens somebody's tasks: given once, good for an hour, for one person and nobody else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Self

from django.http import HttpRequest
from django.utils import timezone

from todo_site.journal.models import ChangeContext

KEY = "reason"
LIFETIME = timedelta(hours=1)


@dataclass(frozen=True)
class StaffAccess:
    """It travels in the signed session, never in an address: those end in logs and histories."""

    text: str
    staff_id: str
    owner_id: str
    until: float

    @classmethod
    def grant(cls, request: HttpRequest, owner_id: str, text: str) -> None:
        """Keep the reason; an earlier one, for whomever it was, is good no longer."""
        until = (timezone.now() + LIFETIME).timestamp()
        request.session[KEY] = asdict(cls(text, str(request.user.pk), owner_id, until))

    @classmethod
    def current(cls, request: HttpRequest, owner_id: str) -> Self | None:
        """The reason that whoever asks has given for opening this person's tasks, if it is still good."""
        kept = request.session.get(KEY)
        reason = cls(**kept) if kept else None
        if reason is None or (reason.staff_id, reason.owner_id) != (str(request.user.pk), owner_id):
            return None
        return reason if timezone.now().timestamp() < reason.until else None

    def origin(self, request: HttpRequest) -> ChangeContext:
        """What the owner's journal says of this request."""
        return ChangeContext(getattr(request, "id", ""), staff=request.user.get_username(), reason=self.text)
