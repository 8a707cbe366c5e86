"""Reads what a page of the task list shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from django.test import Client

from tasks.models import Task
from todo_site.better_auth.models import User


def page(client: Client, **query: str) -> str:
    response = client.get("/", query)
    assert response.status_code == 200
    return response.text


def make_varied(user: User, count: int) -> None:
    """Tasks whose titles, times of creation and of change run in different orders, with many that are the same."""
    tasks = Task.objects.for_user(user.id)
    rows = tasks.bulk_create(
        Task(user_id=user.id, title=f"{'tT'[n % 2]}ask {n * 7 % 40}", status=["pending", "completed"][n % 3 == 0])
        for n in range(count)
    )
    for n, task in enumerate(rows):
        task.updated_at = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=n * 11 % 60)
    tasks.bulk_update(rows, ["updated_at"])


def numbers(html: str) -> list[str]:
    return re.findall(r'<span class="count">(.*?)</span>', html)


def titles(html: str) -> list[str]:
    return re.findall(r'(?:class="title" href="[^"]+"><bdi|<bdi class="title")>(.*?)</bdi>', html)


def link(html: str, rel: str) -> str:
    _, found, rest = html.partition(f'rel="{rel}" href="')
    return "/" + rest.split('"')[0].replace("&amp;", "&") if found else ""
