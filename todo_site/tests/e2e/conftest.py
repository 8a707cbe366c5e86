"""What the tests in a real browser share: one site and one browser for each file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from todo_site.tests.browser import CHROMIUM, People, launch
from todo_site.tests.server import empty_database, running_site


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty database of the kind that the suite runs on."""
    with empty_database(tmp_path_factory.mktemp("site")) as url:
        yield url


@pytest.fixture(scope="module")
def site(database: str, tmp_path_factory: pytest.TempPathFactory, collected_static_files: None) -> Iterator[str]:
    from django.conf import settings

    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    # Each person has an address of their own, as behind a proxy: the limits on signing up are for each address.
    settings_of_site = {"DATABASE_URL": database, "STATIC_ROOT": str(settings.STATIC_ROOT), "TRUSTED_PROXIES": "1"}
    with running_site(log, **settings_of_site) as origin:
        yield origin
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium, and there is none on this machine")
    with sync_playwright() as playwright:
        yield launch(playwright)


@pytest.fixture
def people(browser: Browser, site: str) -> Iterator[People]:
    """Makes browsers for people. A script that fails, or a page that breaks the security policy, is an error."""
    people = People(browser, site)
    yield people
    people.close()
