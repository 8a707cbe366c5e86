from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.urls import reverse

from todo_site.journal.models import JournalEntry

from .models import Task

WORD = "canary"  # in the title of every seeded task: a search for it would also find those of the other account


class TaskPages:
    """The pages of tasks, as todo_site.operations.canary.CanaryPages."""

    def list_paths(self) -> list[str]:
        return [
            f"{reverse('tasks:list')}?status={status}&sort={sort}&q={q}"
            for status in ("pending", "completed", "all")
            for sort in ("newest", "title")
            for q in ("", WORD)
        ]

    def paths_with_own_rows(self) -> list[str]:
        names = ("tasks:export-json", "tasks:history", "tasks:trash")
        return [self.list_paths()[0], *(reverse(name) for name in names)]

    def seed(self, user_id: str, post: Callable[[str, dict[str, str]], None]) -> None:
        """Add tasks until one is pending, one is completed and one is in the trash."""
        while missing := {"pending", "completed", "trash"} - self._kinds(user_id):
            task_id = uuid.uuid4()
            title, description = f"{WORD} {uuid.uuid4().hex}", uuid.uuid4().hex
            post(reverse("tasks:new"), {"id": str(task_id), "title": title, "description": description})
            if "completed" in missing:
                post(reverse("tasks:status", args=[task_id]), {"status": "completed"})
            elif "trash" in missing:
                post(reverse("tasks:delete", args=[task_id]), {})

    def ids(self, user_id: str) -> list[uuid.UUID]:
        """Return the ids of two tasks, of a task in the trash and of the entry of its deletion."""
        tasks = Task.objects.for_user(user_id).values_list("id", flat=True)[:2]
        deletions = JournalEntry.objects.for_user(user_id).in_trash()[:1]
        return [*tasks, *(row_id for entry in deletions for row_id in (entry.task_id, entry.id) if row_id)]

    def shows_own_count(self, user_id: str, path: str, page: str) -> bool:
        """Return whether the number in the page's title is the number of the user's tasks of that status."""
        tasks = Task.objects.for_user(user_id)
        status = re.search(r"status=(\w+)", path)
        if status and status[1] != "all":
            tasks = tasks.filter(status=status[1])
        return f"({tasks.count()})" in page.partition("</title>")[0]

    def _kinds(self, user_id: str) -> set[str]:
        in_trash = JournalEntry.objects.for_user(user_id).in_trash().exists()
        return {*Task.objects.for_user(user_id).values_list("status", flat=True), *(["trash"] if in_trash else [])}
