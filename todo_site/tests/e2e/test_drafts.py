"""Drafts that the browser keeps."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from todo_site.tests.browser import People, add, sign_in, sign_up
from todo_site.tests.e2e.actions import message


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
    expect(page.get_by_role("heading", name="Edit conflict")).to_be_visible()


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


def test_keeps_what_was_typed_before_the_script_was_there(people: People) -> None:
    page = people.person()
    sign_up(page, "noa@example.org")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/site/site*.js", hold)
    with page.expect_request("**/site/site*.js"):
        page.goto("/tasks/new/", wait_until="commit")
    page.get_by_label("Title").fill("Buy milk")
    held[0].continue_()
    page.wait_for_load_state()
    page.unroute("**/site/site*.js")
    page.goto("/history/")
    page.goto("/tasks/new/")
    expect(page.get_by_label("Title")).to_have_value("Buy milk")


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
