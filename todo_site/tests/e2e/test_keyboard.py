"""The site by the keyboard alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from todo_site.tests.browser import PASSWORD, People, add, create_many, sign_up
from todo_site.tests.e2e.actions import message


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
    press_on(page, "link", "Add with description")
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

    press_on(page, "link", "Select")
    press_on(page, "checkbox", "Buy rolls", "Space")
    press_on(page, "checkbox", "Buy milk", "Space")
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
    message(page, "Settings saved")
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
    press_on(page, "link", "Select")
    first, second = (page.get_by_role("checkbox", name=title, exact=True) for title in ("First", "Second"))
    expect(first).to_be_visible()
    keys.press("Escape")
    keys.press("j")
    expect(first).to_be_focused()
    for key, is_checked in (("Space", True), ("x", False), ("Enter", True)):
        keys.press(key)
        expect(first).to_be_checked(checked=is_checked)
        expect(first).to_be_focused()
    press_on(page, "button", "Delete")
    message(page, "Deleted 1 task.")
    expect(second).to_be_focused()
    expect(second).not_to_be_checked()


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
