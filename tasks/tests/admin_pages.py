"""Opens pages of the admin as a member of the staff."""

from __future__ import annotations

from django.test import Client

from tasks.models import Task
from todo_site.better_auth.models import User

TASKS = "/admin/tasks/task/"
WHY = "She asked us to look why “Milk” is there twice"


def reason_page(user: User) -> str:
    return f"{TASKS}reason/?user={user.id}"


def give_reason(staff: Client, user: User, reason: str = WHY) -> None:
    assert staff.post(reason_page(user), {"reason": reason}).status_code == 303


def page_of(task: Task, page: str, user: User) -> str:
    return f"{TASKS}{task.id}/{page}/?_changelist_filters=user%3D{user.id}"


def form(task: Task, **fields: str) -> dict[str, str]:
    given = {"title": task.title, "description": task.description or "", "status": task.status}
    return {**given, "version": str(task.version), **fields}
