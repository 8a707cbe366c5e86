"""People in a real browser: everything that the site does, with JavaScript, without it, and by the keyboard alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from todo_site.tests.browser import PASSWORD, People, add, create_many, fill_in, sign_in, sign_up
from todo_site.tests.server import manage


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def kind(javascript: bool) -> str:
    return "js" if javascript else "plain"


def message(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


def undo(page: Page) -> None:
    page.locator("#messages").get_by_role("button", name="Undo").click()


def test_two_people_live_on_one_site_and_staff_find_both(people: People, database: str, javascript: bool) -> None:
    alice, bob = people.person(javascript=javascript), people.person(javascript=javascript)
    sign_up(alice, f"alice-{kind(javascript)}@example.org")
    add(alice, "Water the ferns")
    alice.get_by_role("link", name="Water the ferns").first.click()
    expect(alice.get_by_role("heading", name="Water the ferns")).to_be_visible()
    ferns = alice.url

    sign_up(bob, f"bob-{kind(javascript)}@example.org")
    expect(bob.get_by_text("No task yet")).to_be_visible()
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
    bob.get_by_role("button", name="Open the tasks").click()
    expect(bob.get_by_text("Water the ferns")).to_be_visible()
    alice.goto("/history/")
    expect(alice.get_by_text("She asked for help")).to_be_visible()


def test_does_everything_there_is_to_do(people: People, javascript: bool) -> None:
    page = people.person(javascript=javascript)
    email = f"dora-{kind(javascript)}@example.org"
    sign_up(page, email)

    add(page, "Buy milk")
    page.get_by_role("link", name="with a description").click()
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

    for title in ("Buy milk", "Water the plants"):
        page.get_by_role("checkbox", name=f"Select “{title}”").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    message(page, "Deleted 2 tasks")
    expect(page.get_by_text("No task yet")).to_be_visible()
    page.get_by_role("link", name="Trash").click()
    page.get_by_role("button", name="Restore “Buy milk”").click()
    message(page, "Undone")
    expect(page.get_by_role("button", name="Restore “Buy milk”")).to_have_count(0)
    page.get_by_role("link", name="History").click()
    page.get_by_role("listitem").filter(has_text="Deleted Water the plants").first.get_by_role(
        "button", name="Undo: Deleted"
    ).click()
    message(page, "Undone")

    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Name").fill("Dora the second")
    page.get_by_role("button", name="Save the name").click()
    message(page, "Your name is changed")
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
    page.get_by_role("link", name="several at once").click()
    page.get_by_label("A task per line").fill("\n".join(["[x] Dig", *(f"- Errand {n}" for n in range(60))]))
    page.get_by_role("button", name="Add tasks").click()
    expect(page.get_by_role("heading", name="This adds 61 tasks")).to_be_visible()
    page.get_by_role("button", name="Add these tasks").click()
    message(page, "Added 61 tasks.")

    page.get_by_role("link", name="Older").click()
    expect(page.locator(".task")).to_have_count(10)
    page.get_by_role("link", name="Newer").click()
    expect(page.locator(".task")).to_have_count(50)
    page.get_by_label("Search your tasks").fill("5 ERRAND")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".task")).to_have_count(15)
    page.get_by_role("navigation", name="Order of the tasks").get_by_role("link", name="Title").click()
    expect(page.locator(".task .title").first).to_have_text("Errand 15")
    for n in (15, 25):
        page.get_by_role("checkbox", name=f"Select “Errand {n}”").check()
    page.get_by_role("button", name="Complete", exact=True).click()
    message(page, "Completed 2 tasks.")
    expect(page).to_have_url(re.compile("q=5.errand&sort=title$", re.IGNORECASE))
    page.get_by_role("link", name="Completed 2").click()
    expect(page.locator(".task")).to_have_count(2)
    page.get_by_role("link", name="Clear the search").click()
    expect(page.locator(".task")).to_have_count(3)

    page.get_by_role("link", name="Import and export").click()
    lines = {"name": "todo.txt", "mimeType": "text/plain", "buffer": b"Mow the lawn\nTrim the hedge"}
    page.get_by_label("File").set_input_files(lines)  # type: ignore[arg-type]
    page.get_by_role("button", name="Read the file").click()
    expect(page.get_by_text("2 tasks are new.")).to_be_visible()
    page.get_by_role("button", name="Import 2 tasks").click()
    message(page, "Imported 2 tasks.")
    page.get_by_role("link", name="Import and export").click()
    for name in ("JSON", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"Download {name}").click()
        assert all(title in download.value.path().read_text() for title in ("Mow the lawn", "Errand 59", "Dig"))
    page.get_by_role("link", name="The list with whole descriptions").click()
    expect(page).to_have_url(re.compile("descriptions=1"))
    page.emulate_media(media="print")
    expect(page.get_by_role("link", name="Mow the lawn", exact=True)).to_be_visible()
    expect(page.locator(".on-paper").first).to_contain_text("Pending")
    expect(page.get_by_role("button", name="Add")).to_be_hidden()


def test_settles_in_and_leaves_for_good(people: People, javascript: bool) -> None:
    page, elsewhere = people.person(javascript=javascript), people.person(javascript=javascript)
    email = f"gina-{kind(javascript)}@example.org"
    sign_up(page, email)
    add(page, "Buy milk")
    sign_in(elsewhere, email)
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill(new_password := f"another {PASSWORD}")
    page.get_by_role("button", name="Change the password").click()
    message(page, "Your password is changed")
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(elsewhere, email, new_password)
    page.get_by_role("link", name="Sessions").click()
    page.get_by_role("button", name="End the session of").click()
    message(page, "1 session ended")
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()

    page.get_by_role("link", name="Display").click()
    choices = {"Colours": "dark", "Spacing": "compact", "Keyboard shortcuts": "False", "Time zone": "Asia/Kolkata"}
    for label, value in (choices | {"Language": "de"}).items():
        page.get_by_role("combobox", name=label).select_option(value)
    page.get_by_role("button", name="Save").click()
    message(page, "Gespeichert")
    html = page.locator("html")
    for name, value in {"lang": "de", "theme": "dark", "density": "compact", "shortcuts": "off"}.items():
        expect(html).to_have_attribute(name if name == "lang" else f"data-{name}", value)
    page.get_by_label("Sprache").select_option("en")
    page.get_by_role("button", name="Speichern").click()
    message(page, "Saved")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Kolkata")

    for what, button in (("tasks", "Delete all tasks"), ("account", "Delete the account")):
        page.get_by_role("link", name="Settings", exact=True).click()
        page.get_by_role("link", name="Your data").click()
        form = page.locator("form", has=page.get_by_role("button", name=button))
        form.get_by_label("I know that this cannot be undone").check()
        form.get_by_label("Present password").fill(new_password)
        form.get_by_role("button", name=button).click()
        expect(page.get_by_role("heading", name=re.compile(f"{what}.*deleted"))).to_be_visible()
    page.goto("/sign-in/")
    fill_in(page, email, new_password)
    expect(page.get_by_role("alert")).to_contain_text("not right")


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
    page.evaluate("document.querySelectorAll('.pick').forEach((box) => (box.checked = true))")
    page.get_by_role("button", name="Delete", exact=True).click()
    for path, button in (("/trash/", "Restore “Task 1”"), ("/history/", "Undo: Deleted")):
        page.goto(path)
        page.get_by_role("button", name=button, exact=True).last.click()
        message(page, "Undone")
        assert page.evaluate("scrollY") > 300, path


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
    expect(page.get_by_label("As it is now")).to_have_value("Buy oat milk")
    expect(page.get_by_label("As you wrote it")).to_be_checked()
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
    expect(page.get_by_role("heading", name="Sign in to go on")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("A long thought")
    fill_in(page, email)
    expect(page.get_by_label("Description")).to_have_value("\nfirst line\n\nlast “line”")
    page.get_by_role("button", name="Send it again").click()
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


def tab_to(page: Page, control: Locator) -> None:
    """Go on by the Tab key until this has the focus."""
    for _ in range(60):
        if control.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the Tab key does not lead to {control}")


def press_on(page: Page, role: Any, name: str, key: str = "Enter") -> None:
    tab_to(page, page.get_by_role(role, name=name, exact=True))
    page.keyboard.press(key)


def type_into(page: Page, fields: dict[str, str]) -> None:
    for label, text in fields.items():
        tab_to(page, page.get_by_label(label, exact=True))
        page.keyboard.type(text)


def test_needs_no_mouse_from_signing_up_to_signing_out(people: People) -> None:
    page = people.person()
    keys = page.keyboard
    page.goto("/")
    press_on(page, "link", "Sign up")
    type_into(page, {"Name": "Fritz", "E-mail address": "fritz@example.org", "Password": PASSWORD})
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Your tasks")).to_be_visible()
    press_on(page, "button", "Sign out")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    type_into(page, {"E-mail address": "fritz@example.org", "Password": PASSWORD})
    press_on(page, "checkbox", "Keep me signed in", "Space")
    press_on(page, "button", "Sign in")

    expect(page.get_by_label("New task")).to_be_focused()
    keys.type("Buy milk")
    keys.press("Enter")
    message(page, "Added “Buy milk”")
    press_on(page, "link", "with a description")
    expect(page.get_by_role("heading", name="New task")).to_be_visible()
    type_into(page, {"Title": "Buy bread", "Description": "of rye"})
    press_on(page, "button", "Add task")
    message(page, "Added “Buy bread”")

    press_on(page, "button", "Complete “Buy milk”", "Space")
    message(page, "Completed “Buy milk”")
    press_on(page, "button", "Reopen “Buy milk”", "Space")
    message(page, "Reopened “Buy milk”")
    goes_on_without_a_mouse(page)


def goes_on_without_a_mouse(page: Page) -> None:
    keys = page.keyboard
    press_on(page, "link", "Edit “Buy bread”")
    type_into(page, {"Title": "Buy rolls"})  # in place of what was there, which Tab selects
    press_on(page, "button", "Save")
    expect(page.get_by_role("heading", name="Buy rolls")).to_be_visible()
    press_on(page, "button", "Delete")
    message(page, "Deleted “Buy rolls”")
    keys.press("Escape")
    keys.press("u")
    message(page, "Undone")
    expect(page.get_by_role("link", name="Buy rolls", exact=True)).to_be_visible()

    press_on(page, "checkbox", "Select “Buy rolls”", "Space")
    press_on(page, "checkbox", "Select “Buy milk”", "Space")
    press_on(page, "button", "Delete")
    message(page, "Deleted 2 tasks.")
    press_on(page, "link", "Trash")
    press_on(page, "button", "Restore “Buy rolls”")
    message(page, "Undone")
    expect(page.get_by_role("button", name="Restore “Buy milk”")).to_be_focused()
    press_on(page, "link", "Settings")
    press_on(page, "link", "Display")
    type_into(page, {"Spacing": "C"})
    press_on(page, "button", "Save")
    message(page, "Saved")
    expect(page.locator("html")).to_have_attribute("data-density", "compact")
    press_on(page, "button", "Sign out")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_adds_by_the_keyboard(people: People) -> None:
    page = people.person()
    sign_up(page, "fay@example.org")
    keys, field = page.keyboard, page.get_by_label("New task")
    for title in ("Buy milk", "Buy bread"):
        expect(field).to_be_focused()
        keys.type(title)
        keys.press("Enter")
        message(page, f"Added “{title}”")
        expect(field).to_have_value("")
    keys.type("half a tho")
    keys.press("Escape")
    expect(field).not_to_be_focused()
    expect(field).to_have_value("half a tho")
    keys.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    keys.press("n")
    keys.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.goto("/trash/")
    keys.press("n")
    expect(field).to_be_focused()
    expect(field).to_have_value("half a tho")


def test_does_everything_by_the_keyboard(people: People) -> None:
    page = people.person()
    sign_up(page, "flo@example.org")
    keys, field = page.keyboard, page.get_by_label("New task")
    create_many(page, ["Third", "Second", "First"])
    page.reload()
    expect(field).to_be_focused()
    keys.press("Escape")
    for key, title in (("j", "First"), ("j", "Second"), ("j", "Third"), ("j", "Third"), ("k", "Second")):
        keys.press(key)
        expect(page.get_by_role("link", name=title, exact=True)).to_be_focused()
    keys.press("x")
    message(page, "Completed “Second”")
    expect(page.get_by_role("button", name="Reopen “Second”")).to_be_visible()
    expect(page.get_by_role("link", name="Second", exact=True)).to_be_focused()
    keys.press("u")
    message(page, "Undone")
    expect(page.get_by_role("button", name="Complete “Second”")).to_be_visible()

    keys.press("j")
    keys.press("e")
    expect(page.get_by_role("heading", name="Edit task")).to_be_visible()
    tab_to(page, page.get_by_label("Title"))
    keys.press("End")
    keys.type("!")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="First!")).to_be_visible()
    keys.press("x")
    message(page, "Completed “First!”")


def test_goes_around_and_selects_by_the_keyboard(people: People) -> None:
    page = people.person()
    sign_up(page, "gus@example.org")
    keys, field = page.keyboard, page.get_by_label("New task")
    create_many(page, ["Second", "First"])
    keys.press("Escape")
    for key, address in (("c", "status=completed"), ("p", "status=pending")):
        keys.press("g")
        keys.press(key)
        expect(page).to_have_url(re.compile(address))
        expect(field).to_be_focused()
        keys.press("Escape")
    keys.press("j")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="First")).to_be_visible()
    page.go_back()
    expect(field).to_be_focused()
    keys.press("Escape")
    keys.press("j")
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Space")
    expect(page.get_by_role("checkbox", name="Select “First”")).to_be_checked()
    press_on(page, "button", "Delete")
    message(page, "Deleted 1 task.")
    expect(page.get_by_role("checkbox", name="Select “Second”")).to_be_focused()


# What the script adds


def test_leaves_a_completed_row_where_it_is_and_counts_on(people: People) -> None:
    page = people.person(viewport={"width": 800, "height": 600})
    sign_up(page, "gil@example.org")
    create_many(page, [f"Task {n}" for n in range(30)])
    page.reload()
    button = page.get_by_role("button", name="Complete “Task 3”")
    button.scroll_into_view_if_needed()
    row = page.locator(".task", has=page.get_by_role("link", name="Task 3", exact=True))
    before, scrolled = row.bounding_box(), page.evaluate("scrollY")
    button.click()
    message(page, "Completed “Task 3”")
    assert (row.bounding_box(), page.evaluate("scrollY")) == (before, scrolled)
    expect(row.get_by_role("button", name="Reopen “Task 3”")).to_be_focused()
    expect(row).to_contain_text("Completed")
    expect(page.get_by_role("link", name="Pending 29")).to_be_visible()
    expect(page).to_have_title(re.compile(r"\(29\)"))
    row.get_by_role("button").click()
    message(page, "Reopened “Task 3”")
    expect(page.get_by_role("link", name="Pending 30")).to_be_visible()
    undo(page)
    message(page, "Undone")
    expect(row).to_have_count(0)
    expect(page.get_by_role("heading", name="Your tasks")).to_be_focused()
    assert page.evaluate("scrollY") > 0


def test_sends_each_form_once_at_a_time(people: People) -> None:
    page = people.person()
    sign_up(page, "hal@example.org")
    add(page, "Buy milk")
    posted: list[str] = []
    held: list[Route] = []

    def hold(route: Route) -> None:
        posted.append(route.request.url)
        held.append(route)

    page.route(re.compile("/status/"), hold)
    button = page.get_by_role("button", name="Complete “Buy milk”")
    for _ in range(3):
        button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    held[0].continue_()
    message(page, "Completed “Buy milk”")
    assert len(posted) == 1


def test_loses_nothing_when_the_site_cannot_be_reached(people: People) -> None:
    page = people.person()
    sign_up(page, "ida@example.org")
    page.route("**/tasks/new/", lambda route: route.abort())
    field = page.get_by_label("New task")
    field.fill("Buy milk")
    field.press("Enter")
    message(page, "cannot be reached")
    expect(field).to_have_value("Buy milk")
    page.unroute("**/tasks/new/")
    assert people.errors
    people.errors.clear()
    field.press("Enter")
    message(page, "Added “Buy milk”")
    expect(field).to_have_value("")


def test_asks_to_sign_in_when_the_session_has_ended_and_keeps_the_text(people: People) -> None:
    page = people.person()
    sign_up(page, "jo@example.org")
    page.get_by_label("New task").fill("Buy milk")
    page.context.clear_cookies(name="better-auth.session_token")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Sign in to go on")).to_be_visible()
    fill_in(page, "jo@example.org")
    page.get_by_role("button", name="Send it again").click()
    expect(page.get_by_role("link", name="Buy milk", exact=True)).to_be_visible()


def test_keeps_drafts_until_they_are_saved(people: People) -> None:
    page = people.person()
    sign_up(page, "kim@example.org")
    page.goto("/tasks/new/")
    page.get_by_label("Title").fill("Buy milk")
    page.get_by_label("Description").fill("two litres")
    page.goto("/history/")
    page.goto("/tasks/new/")
    expect(page.get_by_label("Description")).to_have_value("two litres")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Title")).to_have_value("")
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("")
    page.get_by_label("Title").fill("Buy bread")
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("Buy bread")
    page.get_by_role("button", name="Add task").click()
    message(page, "Added “Buy bread”")
    page.goto("/tasks/new/")
    expect(page.get_by_label("Title")).to_have_value("")


def test_notices_a_change_that_was_made_while_an_edit_was_a_draft(people: People) -> None:
    page = people.person()
    sign_up(page, "lea@example.org")
    add(page, "Buy milk")
    page.get_by_role("link", name="Edit “Buy milk”").click()
    address = page.url
    page.get_by_label("Title").fill("Buy goat milk")
    page.goto("/")
    other = page.context.new_page()
    other.goto(address)
    other.get_by_label("Title").fill("Buy oat milk")
    other.get_by_role("button", name="Save").click()
    message(other, "Saved")
    page.goto(address)
    expect(page.get_by_label("Title")).to_have_value("Buy goat milk")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Changed twice")).to_be_visible()


def test_forgets_drafts_on_sign_out_and_for_anybody_else(people: People) -> None:
    page = people.person()
    drafts = "Object.keys(sessionStorage).filter((key) => key.startsWith('draft:')).length"
    sign_up(page, "mia@example.org")
    page.get_by_label("New task").fill("secret")
    assert page.evaluate(drafts) == 1
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate(drafts) == 0
    page.evaluate('sessionStorage.setItem(\'draft:somebody:new\', \'{"fields": {"title": "secret"}}\')')
    sign_in(page, "mia@example.org")
    assert page.evaluate(drafts) == 0


@pytest.mark.parametrize(
    "broken",
    [
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('no', 'SecurityError'); }})",
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
        "Storage.prototype.getItem = () => '{rubbish'",
    ],
)
def test_goes_on_when_nothing_can_be_kept(people: People, broken: str) -> None:
    page = people.person()
    page.add_init_script(broken)
    sign_up(page, f"nil-{len(broken)}@example.org")
    add(page, "Buy milk")
    page.get_by_role("button", name="Complete “Buy milk”").click()
    message(page, "Completed “Buy milk”")


def test_has_no_shortcuts_where_they_are_switched_off(people: People) -> None:
    page = people.person()
    page.add_init_script(
        "document.addEventListener('readystatechange', () => document.documentElement.dataset.shortcuts = 'off')"
    )
    sign_up(page, "oda@example.org")
    add(page, "Buy milk")
    page.get_by_label("New task").press("Escape")
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_hidden()
    page.keyboard.press("?")
    page.keyboard.press("j")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("link", name="Buy milk", exact=True)).not_to_be_focused()


def test_does_not_open_the_keyboard_of_a_phone(people: People) -> None:
    page = people.person(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800})
    sign_up(page, "pia@example.org")
    expect(page.get_by_label("New task")).not_to_be_focused()


def test_counts_characters_as_the_server_does(people: People) -> None:
    page = people.person()
    sign_up(page, "erik@example.org")
    page.goto("/tasks/new/")
    expect(page.locator(".counter")).to_be_hidden()
    page.get_by_label("Title").fill("🎉" * 255)
    expect(page.get_by_text("255 of 255 characters")).to_be_visible()
    page.get_by_role("button", name="Add task").click()
    expect(page.get_by_role("link", name="🎉" * 255, exact=True)).to_be_visible()
