"""Users in a real browser, with JavaScript and without."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from todo_site.tests.browser import PASSWORD, People, add, create_many, fill_in, select, sign_in, sign_up
from todo_site.tests.e2e.actions import message, undo
from todo_site.tests.management import manage


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def kind(javascript: bool) -> str:
    return "js" if javascript else "plain"


def test_two_people_live_on_one_site_and_staff_find_both(people: People, database: str, javascript: bool) -> None:
    alice, bob = people.person(javascript=javascript), people.person(javascript=javascript)
    sign_up(alice, f"alice-{kind(javascript)}@example.org")
    add(alice, "Water the ferns")
    alice.get_by_role("link", name="Water the ferns").first.click()
    expect(alice.get_by_role("heading", name="Water the ferns")).to_be_visible()
    ferns = alice.url

    sign_up(bob, f"bob-{kind(javascript)}@example.org")
    expect(bob.get_by_text("No tasks yet")).to_be_visible()
    add(bob, "Call Carol")
    bob.goto(ferns)
    expect(bob.get_by_role("heading", name="Not found")).to_be_visible()
    bob.goto("/?status=all")
    expect(bob.get_by_text("ferns")).to_have_count(0)

    manage("staff", "add", f"bob-{kind(javascript)}@example.org", environment={"DATABASE_URL": database})
    bob.goto("/admin/better_auth/user/")
    bob.get_by_role("link", name=f"alice-{kind(javascript)}@example.org").click()
    bob.get_by_role("link", name=re.compile("^1 task")).click()
    expect(bob.get_by_text("Water the ferns")).to_have_count(0)
    bob.get_by_label("Reason").fill("She asked for help")
    bob.get_by_role("button", name="Open tasks").click()
    expect(bob.get_by_text("Water the ferns")).to_be_visible()
    alice.goto("/history/")
    expect(alice.get_by_text("She asked for help")).to_be_visible()


def test_does_everything_there_is_to_do(people: People, javascript: bool) -> None:
    page = people.person(javascript=javascript)
    email = f"dora-{kind(javascript)}@example.org"
    sign_up(page, email)

    add(page, "Buy milk")
    page.get_by_role("link", name="Add with description").click()
    page.get_by_label("Title").fill("Water the plants")
    page.get_by_label("Description").fill("Twice a week\nsee https://example.org/ferns.")
    page.get_by_role("button", name="Add task").click()
    message(page, "Added “Water the plants”")

    page.get_by_role("button", name="Complete “Buy milk”").click()
    message(page, "Completed “Buy milk”")
    page.get_by_role("link", name="Completed 1").click()
    page.get_by_role("button", name="Reopen “Buy milk”").click()
    message(page, "Reopened “Buy milk”")
    page.get_by_role("link", name="Pending 2").click()

    page.get_by_role("link", name="Edit “Water the plants”").click()
    page.get_by_label("Title").fill("Water the ferns")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Water the ferns")).to_be_visible()
    expect(page.get_by_role("link", name="https://example.org/ferns", exact=True)).to_be_visible()
    undo(page)
    expect(page.get_by_role("heading", name="Water the plants")).to_be_visible()

    page.get_by_role("button", name="Delete", exact=True).click()
    message(page, "Deleted “Water the plants”")
    undo(page)
    message(page, "Undone")
    expect(page.get_by_role("link", name="Water the plants", exact=True)).to_be_visible()

    select(page, "Buy milk", "Water the plants")
    page.get_by_role("button", name="Delete", exact=True).click()
    message(page, "Deleted 2 tasks")
    expect(page.get_by_text("No tasks yet")).to_be_visible()
    page.get_by_role("link", name="Trash").click()
    page.get_by_role("button", name="Restore “Buy milk”").click()
    message(page, "Undone")
    expect(page.get_by_role("button", name="Restore “Buy milk”")).to_have_count(0)
    page.get_by_role("link", name="History").click()
    page.get_by_role("listitem").filter(has_text="Deleted: Water the plants").first.get_by_role(
        "button", name="Undo: Deleted"
    ).click()
    message(page, "Undone")

    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Name").fill("Dora the second")
    page.get_by_role("button", name="Save name").click()
    message(page, "Name changed")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Dora the second")).to_have_count(0)
    sign_in(page, email)
    for title in ("Buy milk", "Water the plants"):
        expect(page.get_by_role("link", name=title, exact=True)).to_be_visible()


def test_brings_tasks_in_finds_them_and_takes_them_out(people: People, javascript: bool) -> None:
    page = people.person(javascript=javascript)
    sign_up(page, f"finn-{kind(javascript)}@example.org")
    page.get_by_role("link", name="Add several tasks").click()
    page.get_by_label("One task per line").fill("\n".join(["[x] Dig", *(f"- Errand {n}" for n in range(60))]))
    page.get_by_role("button", name="Add tasks").click()
    expect(page.get_by_role("heading", name="61 tasks will be added")).to_be_visible()
    page.get_by_role("button", name="Add these tasks").click()
    message(page, "Added 61 tasks.")

    page.get_by_role("link", name="Older").click()
    expect(page.locator(".task")).to_have_count(10)
    page.get_by_role("link", name="Newer").click()
    expect(page.locator(".task")).to_have_count(50)
    page.get_by_label("Search tasks").fill("5 ERRAND")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".task")).to_have_count(15)
    page.get_by_role("navigation", name="Sort order").get_by_role("link", name="Title").click()
    expect(page.locator(".task .title").first).to_have_text("Errand 15")
    select(page, "Errand 15", "Errand 25")
    page.get_by_role("button", name="Complete", exact=True).click()
    message(page, "Completed 2 tasks.")
    expect(page).to_have_url(re.compile("q=5.errand&sort=title&select=1$", re.IGNORECASE))
    page.get_by_role("link", name="Cancel", exact=True).click()
    expect(page).to_have_url(re.compile("q=5.errand&sort=title$", re.IGNORECASE))
    expect(page.get_by_role("button", name="Complete “Errand 35”")).to_be_visible()
    page.get_by_role("link", name="Completed 2").click()
    expect(page.locator(".task")).to_have_count(2)
    page.get_by_role("link", name="Clear search").click()
    expect(page.locator(".task")).to_have_count(3)

    page.get_by_role("link", name="Import and export").click()
    lines = {"name": "todo.txt", "mimeType": "text/plain", "buffer": b"Mow the lawn\nTrim the hedge"}
    page.get_by_label("File").set_input_files(lines)  # type: ignore[arg-type]
    page.get_by_role("button", name="Preview import").click()
    expect(page.get_by_text("2 tasks are new.")).to_be_visible()
    page.get_by_role("button", name="Import 2 tasks").click()
    message(page, "Imported 2 tasks.")
    page.get_by_role("link", name="Import and export").click()
    for name in ("JSON", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"Download {name}").click()
        assert all(title in download.value.path().read_text() for title in ("Mow the lawn", "Errand 59", "Dig"))
    page.get_by_role("link", name="List with full descriptions").click()
    expect(page).to_have_url(re.compile("descriptions=1"))
    page.emulate_media(media="print")
    expect(page.get_by_role("link", name="Mow the lawn", exact=True)).to_be_visible()
    expect(page.locator(".print-only").first).to_contain_text("Pending")
    expect(page.get_by_role("button", name="Add")).to_be_hidden()


def test_settles_in_and_leaves_for_good(people: People, javascript: bool) -> None:
    page, elsewhere = people.person(javascript=javascript), people.person(javascript=javascript)
    email = f"gina-{kind(javascript)}@example.org"
    sign_up(page, email)
    add(page, "Buy milk")
    sign_in(elsewhere, email)
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill(new_password := f"another {PASSWORD}")
    page.get_by_role("button", name="Change password").click()
    message(page, "Password changed")
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(elsewhere, email, new_password)
    page.get_by_role("link", name="Sessions").click()
    page.get_by_role("button", name="End session:").click()
    message(page, "1 session ended")
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()

    page.get_by_role("link", name="Display").click()
    choices = {
        "Colour scheme": "dark",
        "Spacing": "compact",
        "Keyboard shortcuts": "False",
        "Time zone": "Asia/Kolkata",
    }
    for label, value in (choices | {"Language": "de"}).items():
        page.get_by_role("combobox", name=label).select_option(value)
    page.get_by_role("button", name="Save").click()
    message(page, "Einstellungen gespeichert")
    html = page.locator("html")
    for name, value in {"lang": "de", "theme": "dark", "density": "compact", "shortcuts": "off"}.items():
        expect(html).to_have_attribute(name if name == "lang" else f"data-{name}", value)
    page.get_by_label("Sprache").select_option("en")
    page.get_by_role("button", name="Speichern").click()
    message(page, "Settings saved")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Kolkata")

    for what, button in (("tasks", "Delete all tasks"), ("account", "Delete account")):
        page.get_by_role("link", name="Settings", exact=True).click()
        page.get_by_role("link", name="Your data").click()
        form = page.locator("form", has=page.get_by_role("button", name=button))
        form.get_by_label("I understand that this cannot be undone").check()
        form.get_by_label("Current password").fill(new_password)
        form.get_by_role("button", name=button).click()
        expect(page.get_by_role("heading", name=re.compile(f"{what} deleted", re.IGNORECASE))).to_be_visible()
    page.goto("/sign-in/")
    fill_in(page, email, new_password)
    expect(page.get_by_role("alert")).to_contain_text("Wrong e-mail address or password")


def test_comes_back_to_the_row_without_a_script(people: People) -> None:
    page = people.person(javascript=False, viewport={"width": 800, "height": 400})
    sign_up(page, "ines@example.org")
    create_many(page, [f"Task {n}" for n in range(20)])
    page.goto("/")

    def is_in_sight(title: str) -> None:
        expect(page.get_by_role("link", name=title, exact=True)).to_be_in_viewport()
        expect(page.get_by_role("status").get_by_role("button", name="Undo")).to_be_in_viewport()

    page.get_by_role("button", name="Complete “Task 5”").click()
    is_in_sight("Task 4")  # which took its place
    expect(page.get_by_role("button", name="Complete “Task 4”")).to_be_focused()
    undo(page)
    expect(page.get_by_role("link", name="Task 5", exact=True)).to_be_in_viewport()
    page.get_by_role("link", name="All", exact=False).first.click()
    page.get_by_role("button", name="Complete “Task 5”").click()
    is_in_sight("Task 5")
    expect(page.get_by_role("button", name="Reopen “Task 5”")).to_be_focused()
    expect(page).to_have_url(re.compile(r"\?status=all#row-\d+$"))
    page.get_by_role("link", name="Select", exact=True).click()
    page.evaluate("document.querySelectorAll('.task [type=checkbox]').forEach((box) => (box.checked = true))")
    page.get_by_role("button", name="Delete", exact=True).click()
    for path, button in (("/trash/", "Restore “Task 1”"), ("/history/", "Undo: Deleted")):
        page.goto(path)
        page.get_by_role("button", name=button, exact=True).last.click()
        message(page, "Undone")
        assert page.evaluate("scrollY") > 300, path


def test_takes_a_tap_anywhere_on_a_row(people: People, javascript: bool) -> None:
    page = people.person(javascript=javascript, has_touch=True, is_mobile=True, viewport={"width": 360, "height": 640})
    sign_up(page, f"thea-{kind(javascript)}@example.org")
    create_many(page, ["Buy milk"])

    def tap_at_the_end_of_the_row() -> None:
        row = page.locator(".task").bounding_box()
        assert row
        page.touchscreen.tap(row["x"] + row["width"] - 8, row["y"] + row["height"] - 8)

    page.goto("/")  # which shows the messages
    page.goto("/?select=1")
    tap_at_the_end_of_the_row()
    expect(page.get_by_role("checkbox", name="Buy milk", exact=True)).to_be_checked()
    page.goto("/")
    tap_at_the_end_of_the_row()
    expect(page.get_by_role("heading", name="Buy milk")).to_be_visible()
    page.goto("/")
    page.get_by_role("button", name="Complete “Buy milk”").tap()
    message(page, "Completed “Buy milk”")


def test_lets_two_editors_of_one_task_choose(people: People, javascript: bool) -> None:
    page = people.person(javascript=javascript)
    sign_up(page, f"emil-{kind(javascript)}@example.org")
    add(page, "Buy milk")
    page.get_by_role("link", name="Buy milk").first.click()
    page.get_by_role("link", name="Edit", exact=True).click()
    other = page.context.new_page()
    for window, title in ((other, "Buy oat milk"), (page, "Buy goat milk")):
        if window is other:
            window.goto(page.url)
        window.get_by_label("Title").fill(title)
        window.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing is lost")
    expect(page.get_by_label("Current version")).to_have_value("Buy oat milk")
    expect(page.get_by_label("Your version")).to_be_checked()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Buy goat milk")).to_be_visible()


def test_keeps_what_was_typed_and_says_what_is_wrong(people: People, javascript: bool) -> None:
    page = people.person(javascript=javascript)
    sign_up(page, f"carol-{kind(javascript)}@example.org")
    page.get_by_label("New task").fill("x" * 256)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("at most 255 characters")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Title")).to_have_value("x" * 256)
    page.get_by_label("Title").fill("x" * 255)
    page.get_by_label("Description").fill("a long story")
    page.get_by_role("button", name="Add task").click()
    message(page, "Added")
    page.get_by_role("link", name="x" * 255, exact=True).click()
    expect(page.get_by_text("a long story")).to_be_visible()


def test_brings_a_text_through_the_end_of_a_session(people: People, javascript: bool) -> None:
    page = people.person(javascript=javascript)
    email = f"frank-{kind(javascript)}@example.org"
    sign_up(page, email)
    page.goto("/tasks/new/")
    page.get_by_label("Title").fill("A long thought")
    page.get_by_label("Description").fill("\nfirst line\n\nlast “line”")
    page.context.clear_cookies(name="better-auth.session_token")
    page.get_by_role("button", name="Add task").click()
    expect(page.get_by_role("heading", name="Sign in to continue")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("A long thought")
    fill_in(page, email)
    expect(page.get_by_label("Description")).to_have_value("\nfirst line\n\nlast “line”")
    page.get_by_role("button", name="Submit again").click()
    page.get_by_role("link", name="A long thought", exact=True).click()
    expect(page.locator(".description")).to_contain_text("last “line”")


def test_leaves_nothing_in_the_browser_after_signing_out(people: People, javascript: bool) -> None:
    page = people.person(javascript=javascript)
    sign_up(page, f"greta-{kind(javascript)}@example.org")
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
