"""The way through every page of the site, in every state that it can be in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playwright.sync_api import Page

from todo_site.tests.browser import fill_in, select, sign_in, sign_up
from todo_site.tests.management import manage

WRITTEN_ELSEWHERE = "Written in another window.\nhttps://example.org/flat/17"


def demo_account(database: str) -> tuple[str, str]:
    """A new account with the tasks of ``manage.py demo``: its e-mail address and password."""
    email, password = re.findall(r"\S+$", manage("demo", environment={"DATABASE_URL": database}), re.MULTILINE)
    return email, password


def tour(page: Page, email: str, password: str) -> Iterator[str]:
    """Go from page to page, and yield the name of each when it is there to be looked at."""
    for name in ("sign-up", "sign-in"):
        page.goto(f"/{name}/")
        yield name
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    yield "sign-in-422"
    sign_in(page, email, password)
    page.get_by_label("New task").blur()
    yield "list"
    yield from tour_list(page)
    yield from tour_task(page)
    for name in ("trash", "history", "tasks/new", "nothing-here"):
        page.goto(f"/{name}/")
        yield name.replace("/", "-")
    page.goto("/?q=nothing+of+the+kind")
    yield "list-nothing-found"
    yield from tour_transfer(page)
    yield from tour_settings(page)
    yield from tour_end_of_session(page, email, password)
    yield from tour_erasure(page, password)


def tour_list(page: Page) -> Iterator[str]:
    page.keyboard.press("?")
    yield "shortcuts"
    page.keyboard.press("Escape")
    select(page, "Renew the library card", "Call the dentist")
    yield "list-selected"
    page.get_by_role("link", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Complete “Buy milk").click()
    page.get_by_role("status").get_by_text("Completed").wait_for()
    yield "list-completed-one"
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    page.get_by_role("status").get_by_text("Undone").wait_for()
    for status in ("completed", "all"):
        page.goto(f"/?status={status}")
        yield f"list-{status}"


def tour_task(page: Page) -> Iterator[str]:
    page.get_by_role("link", name="Answer Ms Okafor").first.click()
    page.get_by_role("heading", name="History").wait_for()
    task = page.url
    page.goto(f"{task}edit/")
    yield "edit"
    change_elsewhere(page)
    page.get_by_label("Description").fill("Written here, and longer than before.\nOn two lines.")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Edit conflict").wait_for()
    yield "conflict-409"
    page.goto(f"{task}edit/")
    page.get_by_text("Draft restored.").wait_for()
    yield "edit-restored"
    page.get_by_label("Title").fill(" ")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()
    yield "edit-422"
    page.goto(task)
    page.get_by_text("Description", exact=True).click()
    yield "detail"
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("status").get_by_text("Deleted").wait_for()


def tour_transfer(page: Page) -> Iterator[str]:
    page.goto("/tasks/paste/")
    yield "paste"
    page.locator("[name=lines]").fill("\n".join(["x" * 300, "- Sow the beans", "[x] Dig the bed"]))
    page.get_by_role("button", name="Add tasks").click()
    page.get_by_role("alert").wait_for()
    yield "paste-422"
    page.locator("[name=lines]").fill("\n".join(f"- Errand {n}" for n in range(1, 61)))
    page.get_by_role("button", name="Add tasks").click()
    page.get_by_role("heading", name="60 tasks will be added").wait_for()
    yield "paste-preview"
    page.get_by_role("button", name="Add these tasks").click()
    page.get_by_role("link", name="Older").wait_for()
    yield "list-first-page"
    page.goto("/import/")
    page.set_input_files("[name=file]", {"name": "photo.png", "mimeType": "image/png", "buffer": b"\x89PNG\0"})
    page.get_by_role("button", name="Preview import").click()
    page.get_by_role("alert").wait_for()
    yield "import-422"
    page.goto("/import/")
    yield "import"
    lines = "Mow the lawn\nTrim the hedge\n" + "x" * 300
    page.set_input_files("[name=file]", {"name": "garden.txt", "mimeType": "text/plain", "buffer": lines.encode()})
    page.get_by_role("button", name="Preview import").click()
    page.get_by_role("heading", name="garden.txt").wait_for()
    yield "import-preview"


def tour_settings(page: Page) -> Iterator[str]:
    for name in ("settings", "settings/sessions", "settings/display", "settings/data"):
        page.goto(f"/{name}/")
        yield name.replace("/", "-")
    page.get_by_role("button", name="Delete all tasks").click()
    page.get_by_role("alert").wait_for()
    yield "settings-data-422"
    page.goto("/settings/")
    page.get_by_role("button", name="Change password").click()
    page.get_by_role("alert").wait_for()
    yield "settings-422"


def tour_end_of_session(page: Page, email: str, password: str) -> Iterator[str]:
    page.goto("/tasks/new/")
    page.get_by_label("Title").fill("Written while the session ended")
    page.get_by_label("Description").fill("Two lines\nof it")
    page.context.clear_cookies(name="better-auth.session_token")
    page.get_by_role("button", name="Add task").click()
    page.get_by_label("Password").wait_for()
    yield "session-ended-401"
    fill_in(page, email, password)
    page.get_by_role("heading", name="You are signed in again").wait_for()
    yield "signed-in-again"


def tour_erasure(page: Page, password: str) -> Iterator[str]:
    for what, button in (("tasks", "Delete all tasks"), ("account", "Delete account")):
        page.goto("/settings/data/")
        page.locator(f"#id_{what}-current_password").fill(password)
        page.locator(f"#id_{what}-sure").check()
        page.get_by_role("button", name=button).click()
        page.get_by_text("Print or save this page").wait_for()
        yield f"receipt-{what}"


def change_elsewhere(page: Page) -> None:
    """Save another description for the task that this page edits, from another window."""
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Description").fill(WRITTEN_ELSEWHERE)
    other.get_by_role("button", name="Save").click()
    other.get_by_role("heading", name="History").wait_for()
    other.close()


def tour_empty(page: Page, email: str) -> Iterator[str]:
    """The pages of somebody new, up to the first task that is done."""
    sign_up(page, email)
    yield "list-empty"
    for name in ("?status=completed", "trash/", "history/"):
        page.goto(f"/{name}")
        yield f"{name.strip('?/').replace('status=', '')}-empty"
    page.goto("/")
    page.get_by_label("New task").fill("Buy milk")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="Complete “Buy milk”").click()
    page.get_by_role("status").get_by_text("Completed").wait_for()
    page.goto("/")
    yield "list-all-done"
