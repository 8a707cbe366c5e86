"""Fixtures for all tests, and the guard that checks every statement of the tests for an owner."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoDbBlocker

from tasks.models import Task
from tasks.querysets import TaskQuerySet
from todo_site.better_auth import passwords, signed_cookies
from todo_site.better_auth.models import Staff, User
from todo_site.better_auth.tests.factories import make_session, make_user
from todo_site.preferences import cookie
from todo_site.preferences.models import Preferences
from todo_site.tests.isolation_layers import BREACHES, without
from todo_site.tests.owner_filter_guard import owner_filter_guard
from todo_site.tests.postgresql import end_connections
from todo_site.tests.row_level_security_only import remove_owner_filter
from todo_site.tests.server import postgresql_template
from todo_site.web import rate_limits

pytest_plugins = ["todo_site.tests.sites"]

# Files that take long, the longest first: a long one that comes last keeps one process busy while the others are idle.
LONG: tuple[str, ...] = (
    *("test_outages", "test_pages", "test_better_auth_server", "test_legacy_tasks", "test_gunicorn"),
    *("test_scratch_app", "test_tables", "test_canary", "test_nginx", "test_routes"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run the tests that only `make test-all` runs, too")
    help_text = "remove the owned manager's filter and the guard, so that row-level security alone keeps users apart"
    parser.addoption("--row-level-security-only", action="store_true", help=help_text)
    parser.addoption("--without-layer", choices=list(BREACHES), help="remove this isolation layer: its tests must fail")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("row_level_security_only"):
        remove_owner_filter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests for the other database, and the thorough ones unless they are asked for."""
    left_out = {"sqlite" if connection.vendor == "postgresql" else "postgresql"}
    left_out |= set() if config.getoption("thorough") else {"thorough"}
    deselected = [item for item in items if any(item.get_closest_marker(name) for name in left_out)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in deselected]
    if not config.pluginmanager.has_plugin("randomly"):
        items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Clone the test database of each process from one that was migrated once."""
    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["TEMPLATE"] = postgresql_template()


@pytest.fixture(scope="session")
def django_db_modify_db_settings_parallel_suffix(request: pytest.FixtureRequest) -> None:
    """Name a database for each process on PostgreSQL. SQLite's is in memory; pytest-django knows that of one engine."""
    if connection.vendor == "postgresql":
        request.getfixturevalue("django_db_modify_db_settings_tox_suffix")
        request.getfixturevalue("django_db_modify_db_settings_xdist_suffix")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """As pytest-django's, but end the pooler's connections before the database is dropped."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            connection.close()
            end_connections(connection.settings_dict["NAME"])


@pytest.fixture(scope="session", autouse=True)
def collected_static_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The pages name static files by their hashed names, as in production."""
    from django.conf import settings

    settings.WHITENOISE_AUTOREFRESH = True  # else each test client looks through all files when it is created
    if "TEST_STATIC_ROOT" in os.environ:  # `make test` has collected them for all processes
        settings.STATIC_ROOT = os.environ["TEST_STATIC_ROOT"]
        return
    settings.STATIC_ROOT = tmp_path_factory.mktemp("static")
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(autouse=True)
def _guarded_statements(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail every test in which a statement names an owned table without an owner."""
    mark = request.node.get_closest_marker("django_db")
    uses_database = bool(mark) or not {"db", "transactional_db"}.isdisjoint(request.fixturenames)
    if not uses_database or request.config.getoption("row_level_security_only"):
        yield
        return
    transactional = "transactional_db" in request.fixturenames or bool(mark and mark.kwargs.get("transaction"))
    request.getfixturevalue("transactional_db" if transactional else "db")

    def watch(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
        # In front: a wrapper that a ``with`` adds is removed as the last one.
        if owner_filter_guard not in connection.execute_wrappers:
            connection.execute_wrappers.insert(0, owner_filter_guard)

    connection_created.connect(watch)  # connections of other threads, and new ones
    watch(connection)
    yield
    connection_created.disconnect(watch)
    connection.execute_wrappers.remove(owner_filter_guard)
    if transactional and connection.vendor == "sqlite":  # DELETE empties the tables, and the journal needs its owners
        with connection.cursor() as cursor:
            cursor.execute('DELETE FROM "user"')


@pytest.fixture(autouse=True)
def _empty_rate_limits() -> None:
    rate_limits.local_counter.clear()


@pytest.fixture(autouse=True)
def _without_layer(request: pytest.FixtureRequest, _guarded_statements: None) -> Iterator[None]:
    layer = request.config.getoption("without_layer")
    with without(layer) if layer else nullcontext():
        yield


@pytest.fixture(autouse=True)
def _cheap_password_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with little work in unit tests, unless they are marked with ``real_hashes``."""
    if "unit" in request.path.parts and not request.node.get_closest_marker("real_hashes"):
        monkeypatch.setattr(passwords, "N", 16)


@pytest.fixture
def alice(db: None) -> User:
    return make_user(name="Alice", email="alice@example.org")


@pytest.fixture
def bob(db: None) -> User:
    return make_user(name="Bob", email="bob@example.org")


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """A browser in which a user is signed in, by a session row and its cookie, and has seen a page already."""

    def browser(user: User, **options: Any) -> Client:
        client = Client(**options)
        client.cookies["better-auth.session_token"] = signed_cookies.sign(make_session(user=user).token)
        cookie.write(first_page := HttpResponse(), Preferences(user_id=user.id))
        client.cookies.update(first_page.cookies)
        return client

    return browser


@pytest.fixture
def alices(alice: User, sign_in: Callable[[User], Client]) -> Client:
    """Alice's browser."""
    return sign_in(alice)


@pytest.fixture
def bobs(bob: User, sign_in: Callable[[User], Client]) -> Client:
    """Bob's browser."""
    return sign_in(bob)


@pytest.fixture
def tasks(alice: User) -> TaskQuerySet:
    """Alice's tasks."""
    return Task.objects.for_user(alice.id)


@pytest.fixture
def staff(sign_in: Callable[[User], Client]) -> Client:
    """The browser of a member of the staff."""
    user = make_user(name="Staff", email="staff@example.org")
    Staff.objects.create(user=user)
    return sign_in(user)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With REQUIRE_ALL_TESTS, as in CI, a skipped test is a failure."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("REQUIRE_ALL_TESTS") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
