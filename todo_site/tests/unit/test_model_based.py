"""Three people act at random on one site, beside a model in plain Python: each page shows what the model says.

STATEFUL_EXAMPLES is how many lives of theirs are tried.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_user
from todo_site.web import rate_limits

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "3" if connection.vendor == "sqlite" else "1"))
STEPS = 15

PEOPLE = st.integers(0, 2)
PICKS = st.integers(0, 20)
WORDS = st.sampled_from(["milk", "Miłk", "MILK & honey", "<b>bread</b>", "café", "100 %", "ﬁsh 👩‍👧"])
STATUSES = st.sampled_from(["pending", "completed"])
TASK = re.compile(r'id="task-([0-9a-f-]{36})"')


@dataclass(frozen=True)
class Todo:
    """A task as the model has it."""

    title: str
    description: str | None = None
    status: str = "pending"


@dataclass(frozen=True)
class State:
    """All that somebody has: tasks in the order in which they came, and the trash in the order in which they went."""

    tasks: dict[str, Todo] = field(default_factory=dict)
    trash: dict[str, Todo] = field(default_factory=dict)


@dataclass
class Person:
    user: User
    browser: Client
    mark: str
    state: State = field(default_factory=State)
    born: list[str] = field(default_factory=list)  # ids of all tasks ever, oldest first
    done: list[tuple[str, State]] = field(default_factory=list)  # what can be undone, and how it was before

    def page(self, path: str) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == 200, path
        return answer.getvalue().decode()

    def act(self, path: str, **fields: Any) -> None:
        """Send a form; remember what its message offers to undo."""
        before = self.state
        assert self.browser.post(path, fields).status_code == 303, path
        if offered := re.search(r"/undo/([0-9a-f-]{36})/", self.page("/trash/")):
            self.done.append((offered[1], before))

    def pick(self, number: int, *, trash: bool = False) -> str | None:
        ids = list(self.state.trash if trash else self.state.tasks)
        return ids[number % len(ids)] if ids else None


class SiteMachine(RuleBasedStateMachine):
    make_browser: Callable[[User], Client]

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        rate_limits.local_counter.clear()
        users = [make_user() for _ in range(3)]
        self.people = [Person(user, self.make_browser(user), f"mark{n}of") for n, user in enumerate(users)]
        self.last = self.people[0]
        for who in (0, 1, 2):
            self.add(who, "milk", described=False)
            self.add(who, "<b>bread</b>", described=True)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def person(self, number: int) -> Person:
        self.last = self.people[number]
        return self.last

    @rule(who=PEOPLE, word=WORDS, described=st.booleans())
    def add(self, who: int, word: str, described: bool) -> None:
        person = self.person(who)
        title = f"{person.mark} {word}"
        person.act("/tasks/new/", title=title, description=title if described else "")
        (new,) = set(TASK.findall(person.page("/?status=all"))) - set(person.state.tasks)
        person.born.append(new)
        person.state = replace(
            person.state, tasks={**person.state.tasks, new: Todo(title, title if described else None)}
        )

    @rule(who=PEOPLE, pick=PICKS, word=WORDS, status=STATUSES)
    def edit(self, who: int, pick: int, word: str, status: str) -> None:
        person = self.person(who)
        if task := person.pick(pick):
            shown = re.search(r'name="version" value="(\d+)"', person.page(f"/tasks/{task}/edit/"))
            assert shown
            todo = Todo(f"{person.mark} {word}", None, status)
            version = {"version": shown[1]}
            person.act(f"/tasks/{task}/edit/", title=todo.title, description="", status=status, **version)
            person.state = replace(person.state, tasks={**person.state.tasks, task: todo})

    @rule(who=PEOPLE, pick=PICKS, status=STATUSES)
    def set_status(self, who: int, pick: int, status: str) -> None:
        person = self.person(who)
        if task := person.pick(pick):
            person.act(f"/tasks/{task}/status/", status=status)
            self.bring(person, [task], status)

    @rule(
        who=PEOPLE,
        picks=st.lists(PICKS, max_size=3),
        theirs=PICKS,
        action=st.sampled_from(["complete", "reopen", "delete"]),
    )
    def change_many(self, who: int, picks: list[int], theirs: int, action: str) -> None:
        person, other = self.person(who), self.people[(who + 1) % 3]
        own = [task for pick in picks if (task := person.pick(pick))]
        foreign = [task for task in [other.pick(theirs)] if task]
        person.act("/tasks/bulk/", task=own + foreign, action=action)
        if action == "delete":
            self.discard(person, own)
        else:
            self.bring(person, own, "completed" if action == "complete" else "pending")

    @rule(who=PEOPLE, pick=PICKS)
    def delete(self, who: int, pick: int) -> None:
        person = self.person(who)
        if task := person.pick(pick):
            person.act(f"/tasks/{task}/delete/")
            self.discard(person, [task])

    @rule(who=PEOPLE, pick=PICKS)
    def restore(self, who: int, pick: int) -> None:
        person = self.person(who)
        if task := person.pick(pick, trash=True):
            person.act(f"/trash/{task}/restore/")
            trash = dict(person.state.trash)
            person.state = State({**person.state.tasks, task: trash.pop(task)}, trash)

    @rule(who=PEOPLE)
    def undo(self, who: int) -> None:
        person = self.person(who)
        if person.done:
            entry, before = person.done.pop()
            assert person.browser.post(f"/undo/{entry}/").status_code == 303
            person.page("/trash/")  # takes the message away, and the offer to undo the undoing with it
            gone = {task: todo for task, todo in person.state.tasks.items() if task not in before.tasks}
            trash = {task: todo for task, todo in person.state.trash.items() if task not in before.tasks}
            person.state = State(before.tasks, {**trash, **gone})

    @rule(who=PEOPLE, word=WORDS, status=st.sampled_from(["pending", "completed", "all"]))
    def find(self, who: int, word: str, status: str) -> None:
        person = self.person(who)
        words = word.lower().split()
        found = {
            task
            for task, todo in person.state.tasks.items()
            if status in {todo.status, "all"}
            and all(each in f"{todo.title} {todo.description}".lower() for each in words)
        }
        if word.isascii():  # folding is its own test's
            page = self.browse(person, "/", q=word, status=status)
            assert set(TASK.findall(page)) == found
        assert not set(TASK.findall(self.browse(person, "/", q=self.people[who - 1].mark)))

    @rule(who=PEOPLE, pick=PICKS, trash=st.booleans())
    def trespass(self, who: int, pick: int, trash: bool) -> None:
        person, other = self.person(who), self.people[(who + 1) % 3]
        task = other.pick(pick, trash=trash) or other.user.id
        assert person.browser.get(f"/tasks/{task}/").status_code == 404
        for verb in ("edit", "status", "delete"):
            form = {"title": "taken", "status": "completed"}
            assert person.browser.post(f"/tasks/{task}/{verb}/", form).status_code == 404
        assert person.browser.post(f"/trash/{task}/restore/").status_code == 404
        if other.done:
            assert person.browser.post(f"/undo/{other.done[-1][0]}/").status_code == 404
        self.last = other

    @invariant()
    def shows_each_what_is_theirs(self) -> None:
        for person in self.people:
            shown = TASK.findall(self.browse(person, "/", status="all"))
            assert list(dict.fromkeys(shown)) == [task for task in reversed(person.born) if task in person.state.tasks]
        person = self.last
        trash = self.browse(person, "/trash/")
        assert set(re.findall(r"/trash/([0-9a-f-]{36})/restore/", trash)) == set(person.state.trash)
        exported = json.loads(self.browse(person, "/export/tasks.json"))["tasks"]
        kept = {row["id"]: Todo(row["title"], row["description"], row["status"]) for row in exported}
        assert kept == person.state.tasks
        assert {row["user_id"] for row in exported} <= {person.user.id}
        self.browse(person, "/history/")

    def browse(self, person: Person, path: str, **query: str) -> str:
        """A page on which there is nothing of anybody else, besides what was searched for."""
        answer = person.browser.get(path, query)
        assert answer.status_code == 200
        page = answer.getvalue().decode()
        others = {other.mark for other in self.people if other is not person} - set(query.values())
        assert not [mark for mark in others if mark in page]
        return page

    @staticmethod
    def bring(person: Person, tasks: list[str], status: str) -> None:
        changed = {task: replace(person.state.tasks[task], status=status) for task in tasks}
        person.state = replace(person.state, tasks={**person.state.tasks, **changed})

    @staticmethod
    def discard(person: Person, tasks: list[str]) -> None:
        kept = {task: todo for task, todo in person.state.tasks.items() if task not in tasks}
        gone = {task: person.state.tasks[task] for task in tasks}
        person.state = State(kept, {**person.state.trash, **gone})


@pytest.mark.django_db
def test_shows_each_user_what_the_model_says(sign_in: Callable[[User], Client]) -> None:
    class Life(SiteMachine):
        make_browser = staticmethod(sign_in)

    unhurried = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize="STATEFUL_EXAMPLES" not in os.environ,
        # To find the shortest life that fails takes minutes.
        phases=set(Phase) if "STATEFUL_EXAMPLES" in os.environ else {Phase.generate},
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Life, settings=unhurried)
