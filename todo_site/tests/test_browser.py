"""Two people and a member of the staff, in a real browser, with JavaScript and without."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, expect, sync_playwright

from todo_site.tests.postgresql import new_database
from todo_site.tests.server import manage, running_site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# No sandbox: CI runs as root. No background networking: the tests talk to the site and to nobody else.
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, and there is none on this machine")

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty database of the kind that the suite runs on."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('site')}/db.sqlite3"
        return
    with new_database() as url:
        yield url


@pytest.fixture(scope="module")
def site(database: str, tmp_path_factory: pytest.TempPathFactory, collected_static_files: None) -> Iterator[str]:
    from django.conf import settings

    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    with running_site(log, DATABASE_URL=database, STATIC_ROOT=str(settings.STATIC_ROOT)) as origin:
        yield origin
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def person(browser: Browser, site: str, javascript: bool) -> Page:
    """A browser of somebody's own, in which a page that breaks the security policy or fails is an error."""
    context = browser.new_context(base_url=site, java_script_enabled=javascript)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    page.on("console", lambda message: pytest.fail(message.text) if "Content Security" in message.text else None)
    return page


def sign_up(page: Page, email: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Name").fill(email.split("@", maxsplit=1)[0])
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Your tasks")).to_be_visible()


def sign_in(page: Page, email: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def add(page: Page, title: str) -> None:
    page.get_by_label("New task").fill(title)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("link", name=title, exact=True)).to_be_visible()


def test_two_people_live_on_one_site_and_staff_find_both(
    browser: Browser, site: str, database: str, javascript: bool
) -> None:
    kind = "js" if javascript else "plain"
    alice, bob = person(browser, site, javascript), person(browser, site, javascript)
    sign_up(alice, f"alice-{kind}@example.org")
    add(alice, "Buy milk")
    add(alice, "Water the plants")

    alice.get_by_role("button", name="Complete “Buy milk”").click()
    expect(alice.get_by_role("status")).to_contain_text("Completed “Buy milk”")
    expect(alice.get_by_role("link", name="Buy milk", exact=True)).to_have_count(0)
    alice.get_by_role("link", name="Completed 1").click()
    expect(alice.get_by_role("link", name="Buy milk", exact=True)).to_be_visible()

    alice.goto("/")
    alice.get_by_role("link", name="Edit “Water the plants”").click()
    alice.get_by_label("Title").fill("Water the ferns")
    alice.get_by_label("Description").fill("Twice a week\nnot more")
    alice.get_by_role("button", name="Save").click()
    expect(alice.get_by_role("heading", name="Water the ferns")).to_be_visible()
    expect(alice.locator(".description")).to_contain_text("not more")
    ferns = alice.url

    sign_up(bob, f"bob-{kind}@example.org")
    expect(bob.get_by_text("No task yet")).to_be_visible()
    add(bob, "Call Carol")
    bob.goto(ferns)
    expect(bob.get_by_role("heading", name="Not found")).to_be_visible()
    bob.goto("/?status=all")
    expect(bob.get_by_text("ferns")).to_have_count(0)

    alice.goto("/?status=completed")
    alice.get_by_role("link", name="Buy milk", exact=True).click()
    alice.get_by_role("button", name="Delete").click()
    expect(alice.get_by_role("status")).to_contain_text("Deleted “Buy milk”")
    alice.get_by_role("status").get_by_role("button", name="Undo").click()
    alice.goto("/?status=completed")
    expect(alice.get_by_role("link", name="Buy milk", exact=True)).to_be_visible()

    alice.get_by_role("button", name="Sign out").click()
    expect(alice.get_by_role("heading", name="Sign in")).to_be_visible()
    alice.go_back()
    expect(alice.get_by_text("ferns")).to_have_count(0)
    alice.goto("/")
    sign_in(alice, f"alice-{kind}@example.org")
    expect(alice.get_by_role("link", name="Water the ferns", exact=True)).to_be_visible()
    expect(alice.get_by_text("Call Carol")).to_have_count(0)

    manage("staff", "add", f"bob-{kind}@example.org", environment={"DATABASE_URL": database})
    bob.goto("/admin/better_auth/user/")
    bob.get_by_role("link", name=f"alice-{kind}@example.org").click()
    bob.get_by_role("link", name="2 tasks").click()
    expect(bob.get_by_text("Water the ferns")).to_have_count(0)
    bob.get_by_label("Reason").fill("She asked for help")
    bob.get_by_role("button", name="Open the tasks").click()
    expect(bob.get_by_text("Water the ferns")).to_be_visible()
    alice.goto("/history/")
    expect(alice.get_by_text("She asked for help")).to_be_visible()


def test_keeps_what_was_typed_and_says_what_is_wrong(browser: Browser, site: str, javascript: bool) -> None:
    page = person(browser, site, javascript)
    sign_up(page, f"carol-{'js' if javascript else 'plain'}@example.org")
    page.goto("/tasks/new/")
    page.get_by_label("Title").fill("x" * 256)
    page.get_by_label("Description").fill("a long story")
    page.get_by_role("button", name="Add task").click()
    expect(page.get_by_role("alert")).to_contain_text("at most 255 characters")
    expect(page.get_by_label("Description")).to_have_value("a long story")
    expect(page.get_by_label("Title")).to_have_value("x" * 256)


def test_brings_a_text_through_the_end_of_a_session(browser: Browser, site: str, javascript: bool) -> None:
    page = person(browser, site, javascript)
    email = f"frank-{'js' if javascript else 'plain'}@example.org"
    sign_up(page, email)
    page.goto("/tasks/new/")
    page.get_by_label("Title").fill("A long thought")
    page.get_by_label("Description").fill("\nfirst line\n\nlast “line”")
    page.context.clear_cookies(name="better-auth.session_token")
    page.get_by_role("button", name="Add task").click()
    expect(page.get_by_role("heading", name="Sign in to go on")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("A long thought")
    sign_in(page, email)
    expect(page.get_by_label("Description")).to_have_value("\nfirst line\n\nlast “line”")
    page.get_by_role("button", name="Send it again").click()
    page.get_by_role("link", name="A long thought", exact=True).click()
    expect(page.locator(".description")).to_contain_text("last “line”")


def test_leaves_nothing_in_the_browser_after_signing_out(browser: Browser, site: str, javascript: bool) -> None:
    page = person(browser, site, javascript)
    sign_up(page, f"greta-{'js' if javascript else 'plain'}@example.org")
    add(page, "Greta's secret")
    page.get_by_role("link", name="Greta's secret", exact=True).click()
    if javascript:
        page.evaluate("localStorage.setItem('draft', 'secret'); sessionStorage.setItem('draft', 'secret')")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    for _ in range(2):
        page.go_back()
        expect(page.get_by_text("secret")).to_have_count(0)
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    if javascript:
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_counts_characters_as_the_server_does(browser: Browser, site: str) -> None:
    page = person(browser, site, javascript=True)
    sign_up(page, "erik@example.org")
    page.goto("/tasks/new/")
    expect(page.locator(".counter")).to_be_hidden()
    page.get_by_label("Title").fill("🎉" * 255)
    expect(page.get_by_text("255 of 255 characters")).to_be_visible()
    page.get_by_role("button", name="Add task").click()
    expect(page.get_by_role("link", name="🎉" * 255, exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
def test_never_scrolls_sideways(browser: Browser, site: str, width: int) -> None:
    page = person(browser, site, javascript=True)
    page.set_viewport_size({"width": width, "height": 700})
    sign_up(page, f"dora-{width}@example.org")
    add(page, "x" * 200)
    page.get_by_role("link", name="x" * 200, exact=True).click()
    for path in ("/", page.url, f"{page.url}edit/", "/tasks/new/", "/nothing/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
