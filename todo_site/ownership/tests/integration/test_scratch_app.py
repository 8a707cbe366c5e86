"""A new owned model is one model class and one migration: an app beside the site, changed and migrated for real."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import psycopg
import pytest
from django.db import connection

from todo_site.tests.management import try_to_manage
from todo_site.tests.postgresql import new_database
from todo_site.tests.server import ROOT, empty_database
from todo_site.tests.sqlite import add_functions

SUITE = "todo_site/ownership/tests/unit/test_isolation.py"
EXAMPLE = ROOT / "docs" / "adding-an-owned-model.md"
SETTINGS = 'from todo_site.settings import *\n\nINSTALLED_APPS = [*INSTALLED_APPS, "lists"]\n'

HEAD = """
from django.db import models

from todo_site.ownership.fields import OwnedForeignKey
from todo_site.ownership.models import OwnedModel
"""
LIST = """

class List(OwnedModel):
    name = models.CharField(max_length=100)

    class Ownership:
        journal = ("name",)
        export = "lists"
"""
ITEM = """

class Item(OwnedModel):
    text = models.CharField(max_length=100)
    list = OwnedForeignKey(List, null=True, blank=True)

    class Ownership:
        journal = ("text", "list")
        export = "items"
"""
STEPS = {
    "0001_list": HEAD + LIST,
    "0002_item": HEAD + LIST + ITEM,
    "0003_colour": HEAD
    + LIST.replace("\n    class", '    colour = models.CharField(max_length=9, default="")\n\n    class')
    + ITEM,
    "0004_journal": HEAD
    + LIST.replace("\n    class", '    colour = models.CharField(max_length=9, default="")\n\n    class').replace(
        '("name",)', '("name", "colour")'
    )
    + ITEM,
}


@dataclass
class Project:
    """The site with the app ``lists`` beside it, on a database of its own."""

    folder: Path
    database: str

    def start(self) -> None:
        self.write("scratch_settings.py", SETTINGS)
        self.write("lists/__init__.py", "")
        self.write("lists/migrations/__init__.py", "")

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database,
            "DATABASE_URL_UNPOOLED": "",
            "DJANGO_SETTINGS_MODULE": "scratch_settings",
            "PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}",
        }

    def manage(self, *arguments: str, fails: bool = False) -> str:
        status, output = try_to_manage(*arguments, environment=self.environment, with_errors=True)
        assert (status != 0) == fails, output
        return output

    def run_isolation_suite(self, *options: str) -> tuple[int, str]:
        """Run the tests of the app's model; return the status and the output."""
        command = [sys.executable, "-m", "pytest", "-q", SUITE, "--ds=scratch_settings", "-k", "lists.List"]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", *options],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, done.stdout

    def operations(self, migration: str) -> list[str]:
        text = (self.folder / f"lists/migrations/{migration}.py").read_text()
        return re.findall(r"^ {8}(?:\w+\.)*(\w+)\($", text, re.MULTILINE)

    def sql(self, *statements: str) -> list[Any]:
        """Run the statements in one transaction and return the rows of the last one."""
        with closing(self.connect()) as opened, opened:
            for statement in statements:
                cursor = opened.execute(statement)
            rows: list[Any] = cursor.fetchall() if cursor.description else []
        return rows

    def connect(self) -> Any:
        config = environ.Env.db_url_config(self.database)
        if not config["ENGINE"].endswith("sqlite3"):
            return psycopg.connect(self.database)
        opened = sqlite3.connect(config["NAME"])
        add_functions(opened)
        opened.execute("PRAGMA foreign_keys = ON")
        return opened


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with empty_database(tmp_path) as database:
        project = Project(tmp_path, database)
        project.start()
        yield project


def code_blocks() -> dict[str, str]:
    """Return the worked example's blocks by the name behind their language."""
    return dict(re.findall(r"^```python (\S+)\n(.*?)^```$", EXAMPLE.read_text(), re.MULTILINE | re.DOTALL))


def test_carries_out_the_worked_example(project: Project) -> None:
    blocks = code_blocks()
    project.write("lists/models.py", blocks["models.py"])
    project.write("lists/tests/__init__.py", "")
    project.write("lists/tests/factories.py", blocks["factories.py"])
    project.manage("makemigrations", "lists", "-n", "list")
    assert project.operations("0001_list") == ["CreateModel", "SyncOwnership"]
    project.manage("migrate", "-v0")
    assert "No changes" in project.manage("makemigrations", "--check")
    project.manage("check", "--database", "default")
    project.manage("check_isolation")
    status, output = project.run_isolation_suite()
    assert status == 0, output
    assert int(re.findall(r"(\d+) passed", output)[0]) > 30


def test_fails_the_suite_of_a_model_without_a_factory(project: Project) -> None:
    project.write("lists/models.py", STEPS["0001_list"])
    project.write("lists/tests/__init__.py", "")
    project.write("lists/tests/factories.py", "")
    project.manage("makemigrations", "lists", "-n", "list")
    status, output = project.run_isolation_suite("-x")
    assert status == 1, output
    assert "has no factory of lists.List" in output


@pytest.fixture(scope="module")
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that is migrated through all steps, each detected by makemigrations, with two users."""
    folder = tmp_path_factory.mktemp("lists")
    with empty_database(folder) as database:
        project = Project(folder, database)
        project.start()
        for name, models in STEPS.items():
            project.write("lists/models.py", models)
            project.manage("makemigrations", "lists", "-n", name[5:])
        project.manage("migrate", "-v0")
        columns = 'id, name, email, "emailVerified", "createdAt", "updatedAt"'
        for user in ("ann", "bob"):
            values = f"'{user}', '{user}', '{user}@example.org', false, '2026-01-01', '2026-01-01'"
            project.sql(f'INSERT INTO "user" ({columns}) VALUES ({values})')
        yield project


@pytest.fixture
def migrated(migrated_once: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of it."""
    copy = tmp_path / "copy"
    shutil.copytree(migrated_once.folder, copy, ignore=shutil.ignore_patterns("__pycache__", "*-wal", "*-shm"))
    if connection.vendor == "sqlite":
        yield Project(copy, f"sqlite:///{copy}/db.sqlite3")
        return
    with new_database(urlsplit(migrated_once.database).path.removeprefix("/")) as database:
        yield Project(copy, database)


ANNS, BOBS = (f"{n:08d}-0000-4000-8000-000000000000" for n in (1, 2))


def insert(table: str, row_id: str, user_id: str, **values: str) -> str:
    if connection.vendor == "sqlite":
        row_id = row_id.replace("-", "")
        values = {name: value.replace("-", "") for name, value in values.items()}
    names = ", ".join(["id", "user_id", *values])
    marks = ", ".join(f"'{value}'" for value in (row_id, user_id, *values.values()))
    return f"INSERT INTO {table} ({names}) VALUES ({marks})"


def test_detects_each_step(migrated: Project) -> None:
    assert migrated.operations("0001_list") == ["CreateModel", "SyncOwnership"]
    assert set(migrated.operations("0002_item")) == {"CreateModel", "AddConstraint", "AddField", "SyncOwnership"}
    assert migrated.operations("0003_colour") == ["AddField"]
    assert migrated.operations("0004_journal") == ["SyncOwnership"]
    assert "No changes" in migrated.manage("makemigrations", "--check")


def test_goes_forwards_and_backwards(migrated: Project) -> None:
    for name in [*reversed(STEPS), "zero", *STEPS]:
        migrated.manage("migrate", "lists", name, "-v0", "--skip-checks")
        migrated.manage("check", "--database", "default")


def test_lets_the_database_refuse_somebody_elses_row(migrated: Project) -> None:
    with_colour = {"colour": "red"}
    migrated.sql(insert("lists_list", ANNS, "ann", name="Shopping", **with_colour))
    migrated.sql(insert("lists_item", ANNS, "ann", text="Milk", list_id=ANNS))
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        migrated.sql(insert("lists_item", BOBS, "bob", text="Milk", list_id=ANNS))
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        migrated.sql("DELETE FROM lists_list")
    migrated.sql("DELETE FROM lists_list", "DELETE FROM lists_item")  # the parent first: checked at the end


def test_deletes_an_account_with_rows_in_every_table(migrated: Project) -> None:
    migrated.sql(insert("lists_list", ANNS, "ann", name="Shopping", colour="red"))
    migrated.sql(insert("lists_item", ANNS, "ann", text="Milk", list_id=ANNS))
    migrated.sql("DELETE FROM \"user\" WHERE id = 'ann'")
    assert migrated.sql("SELECT (SELECT count(*) FROM lists_list) + (SELECT count(*) FROM lists_item)") == [(0,)]


def test_erases_exports_and_counts_by_the_registry(migrated: Project) -> None:
    code = """
from lists.models import *
from todo_site.journal.changes import ChangeContext
from todo_site.journal.erasing import erase
from todo_site.ownership import registry
l = List.objects.for_user("ann").create(name="Shopping")
i = Item.objects.for_user("ann").create(text="Milk", list=l)
Item.objects.for_user("bob").create(text="Bob's")
print(Item.objects.for_user("ann").get(pk=i.pk).list.name, sorted(registry.exported_models()))
item = Item(user_id="ann", text="x", list=l)
item.clean_fields(exclude=["user"])
item.validate_constraints()
count = lambda user: {label: n for label, n in registry.count_rows(user).items() if n}
print(count("ann"), count("bob"))
erase("ann", "default", ChangeContext())
print(count("ann"), count("bob"))
"""
    lines = migrated.manage("shell", "-v0", "--no-imports", "-c", code).strip().split("\n")
    assert lines == [
        "Shopping ['items', 'journal', 'lists', 'tasks']",
        "{'journal.JournalEntry': 2, 'lists.List': 1, 'lists.Item': 1} {'journal.JournalEntry': 1, 'lists.Item': 1}",
        "{} {'journal.JournalEntry': 1, 'lists.Item': 1}",
    ]


def test_names_what_the_import_cannot_read(migrated: Project) -> None:
    code = """
import json
from tasks.transfer.importers import UnsupportedFile, parse_file
content = json.dumps({"tasks": [{"title": "Milk"}], "lists": [{"name": "Shopping"}]}).encode()
try:
    parse_file("tasks.json", content, "ann")
except UnsupportedFile as error:
    print(error)
"""
    output = migrated.manage("shell", "-v0", "--no-imports", "-c", code)
    assert output.strip() == "Unsupported section: lists."


def test_requires_the_declaration(project: Project) -> None:
    project.write("lists/models.py", HEAD + LIST.replace('        export = "lists"\n', ""))
    assert re.search(r"ownership\.E005.*export", project.manage("check", fails=True), re.DOTALL)
    project.write("lists/models.py", HEAD + LIST.replace('("name",)', '("title",)'))
    assert "no field named 'title'" in project.manage("check", fails=True)


@pytest.mark.sqlite
def test_keeps_triggers_when_sqlite_remakes_a_table(migrated: Project) -> None:
    migrated.sql("CREATE TRIGGER lists_list_note AFTER INSERT ON lists_list BEGIN SELECT 1; END")
    migrated.manage("migrate", "lists", "0002", "-v0")
    assert migrated.sql("SELECT count(*) FROM sqlite_schema WHERE name = 'lists_list_note'") == [(1,)]
