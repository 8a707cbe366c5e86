"""Fixtures for tests in a real browser: one running site for each process, and a browser for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from todo_site.tests.browser import CHROMIUM, People, launch
from todo_site.tests.server import migrated_database, start_server


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the shared site's database."""
    with migrated_database(tmp_path_factory.mktemp("site")) as url:
        yield url


@pytest.fixture(scope="session")
def site(database: str, tmp_path_factory: pytest.TempPathFactory, collected_static_files: None) -> Iterator[str]:
    """The origin of a site that several test modules share: each test signs up users of its own."""
    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    # Each user has an address of their own, as behind a proxy: rate limits on signing up are for each address.
    with start_server(log, DATABASE_URL=database, TRUSTED_PROXIES="1") as server:
        yield server.origin
    assert "Traceback" not in log.read_text()


# Not for the session: an event loop runs while it is open, and Django refuses database calls beside one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium, which is not installed")
    with sync_playwright() as playwright:
        yield launch(playwright)


@pytest.fixture
def people(browser: Browser, site: str) -> Iterator[People]:
    """Opens browsers for users. A script error, or a violation of the security policy, fails the test."""
    people = People(browser, site)
    yield people
    people.close()
