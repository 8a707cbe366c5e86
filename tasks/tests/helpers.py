"""Helpers to write tasks, and to read tasks and journals as they are stored."""

from __future__ import annotations

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from todo_site.better_auth.models import User
from todo_site.journal.changes import ChangeContext
from todo_site.journal.models import JournalEntry


def here() -> ChangeContext:
    """Return the context of a new action, of the request r1."""
    return ChangeContext("r1")


def journal(user: User) -> list[JournalEntry]:
    return list(JournalEntry.objects.for_user(user.id).order_by("number"))


def verbs(user: User) -> list[str]:
    return [entry.verb for entry in journal(user)]


def add(tasks: TaskQuerySet, title: str, description: str | None = None) -> Task:
    change = tasks.add(Task(user_id=tasks.owner, title=title, description=description), here())
    return tasks.get(pk=change.rows[0].id)


def rows(tasks: TaskQuerySet) -> list[tuple[object, ...]]:
    return sorted(tasks.values_list("id", "user_id", "title", "description", "status", "created_at", "updated_at"))
