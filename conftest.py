"""Fixtures that every test may use, and the owner_filter_guard that watches every statement of the suite."""

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

from todo_site.better_auth import signed_cookies
from todo_site.better_auth.models import User
from todo_site.better_auth.tests.factories import make_session, make_user
from todo_site.preferences import cookie
from todo_site.preferences.models import Preferences
from todo_site.tests.isolation_layers import LAYERS, without
from todo_site.tests.owner_filter_guard import owner_filter_guard
from todo_site.tests.postgresql import end_connections
from todo_site.tests.row_level_security_only import take_out_owner
from todo_site.web import rate_limits

# Files of which each keeps a process busy for long, the longest first.
LONG = (
    *("test_real_server", "test_bad_days", "test_adoption", "test_browser", "test_gunicorn", "test_pages"),
    *("test_wall_alone", "test_tables", "test_canary", "test_routes", "test_accounts", "test_browser_preferences"),
    *("test_account_page", "test_tokens", "test_nginx", "test_hostile", "test_backup", "test_environment"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    help_text = "take the owned manager and the owner_filter_guard out, so that row-level security has to hold alone"
    parser.addoption("--row-level-security-only", action="store_true", help=help_text)
    parser.addoption("--without-layer", choices=list(LAYERS), help="take this layer out: its own tests have to notice")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("row_level_security_only"):
        take_out_owner()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for the other database; leaving out is not skipping. Begin with what takes long."""
    other = "sqlite" if connection.vendor == "postgresql" else "postgresql"
    left_out = [item for item in items if item.get_closest_marker(other)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    # A long file that comes last keeps one process busy while the others have nothing more to do.
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(scope="session")
def django_db_modify_db_settings_parallel_suffix(request: pytest.FixtureRequest) -> None:
    """Name a database for each process on PostgreSQL. SQLite's is in memory; pytest-django knows that of one engine."""
    if connection.vendor == "postgresql":
        request.getfixturevalue("django_db_modify_db_settings_tox_suffix")
        request.getfixturevalue("django_db_modify_db_settings_xdist_suffix")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """As pytest-django's; a pooler lets go of the database before it is dropped."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            connection.close()
            end_connections(connection.settings_dict["NAME"])


@pytest.fixture(scope="session", autouse=True)
def collected_static_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The pages name static files by their hashed names, as in production."""
    from django.conf import settings

    settings.WHITENOISE_AUTOREFRESH = True  # else each client of a test looks through all the files when it is made
    if "TEST_STATIC_ROOT" in os.environ:  # the test runner has collected them for all of its processes
        settings.STATIC_ROOT = os.environ["TEST_STATIC_ROOT"]
        return
    settings.STATIC_ROOT = tmp_path_factory.mktemp("static")
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(autouse=True)
def _watched_statements(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail any statement of any test that names an owned table without an owner in it."""
    mark = request.node.get_closest_marker("django_db")
    uses_database = bool(mark) or not {"db", "transactional_db"}.isdisjoint(request.fixturenames)
    if not uses_database or request.config.getoption("row_level_security_only"):
        yield
        return
    transactional = "transactional_db" in request.fixturenames or bool(mark and mark.kwargs.get("transaction"))
    request.getfixturevalue("transactional_db" if transactional else "db")

    def watch(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
        # In front: what was put there by a ``with`` takes the last one away at its end.
        if owner_filter_guard not in connection.execute_wrappers:
            connection.execute_wrappers.insert(0, owner_filter_guard)

    connection_created.connect(watch)  # connections of other threads too, and those that are made again
    watch(connection)
    yield
    connection_created.disconnect(watch)
    connection.execute_wrappers.remove(owner_filter_guard)
    if (
        transactional and connection.vendor == "sqlite"
    ):  # where the tables are emptied by DELETE, the journal goes along
        with connection.cursor() as cursor:
            cursor.execute('DELETE FROM "user"')


@pytest.fixture(autouse=True)
def _no_tries_of_other_tests() -> None:
    rate_limits.local_counter.clear()


@pytest.fixture(autouse=True)
def _without_layer(request: pytest.FixtureRequest, _watched_statements: None) -> Iterator[None]:
    layer = request.config.getoption("without_layer")
    with without(layer) if layer else nullcontext():
        yield


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


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With REQUIRE_ALL_TESTS, as in CI, a skipped test is a failure."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("REQUIRE_ALL_TESTS") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
