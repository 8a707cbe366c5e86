"""Helpers to write tasks, and to read tasks and journals as they are stored."""

from __future__ import annotations

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from todo_site.better_auth.models import User
from todo_site.journal.models import ChangeContext, JournalEntry

HERE = ChangeContext("r1")


def journal(user: User) -> list[JournalEntry]:
    return list(JournalEntry.objects.for_user(user.id).order_by("number"))


def verbs(user: User) -> list[str]:
    return [entry.verb for entry in journal(user)]


def add(tasks: TaskQuerySet, title: str, description: str | None = None) -> Task:
    entry = tasks.add(Task(user_id=tasks.owner, title=title, description=description), HERE)
    return tasks.get(pk=str(entry.task_id))


def rows(tasks: TaskQuerySet) -> list[tuple[object, ...]]:
    return sorted(tasks.values_list("id", "user_id", "title", "description", "status", "created_at", "updated_at"))
