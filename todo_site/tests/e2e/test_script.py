"""What the script adds to the pages."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from todo_site.tests.browser import People, add, create_many, fill_in, sign_up
from todo_site.tests.e2e.actions import message, undo


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


def test_completes_rows_one_after_the_other_while_a_request_is_on_its_way(people: People) -> None:
    page = people.person()
    sign_up(page, "hugo@example.org")
    create_many(page, ["Third", "Second", "First"])
    page.reload()
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    page.route(re.compile("/status/"), hold_first)
    for title in ("First", "Second", "Third"):
        page.get_by_role("button", name=f"Complete “{title}”").click()
    expect(page.get_by_role("button", name="Complete “First”")).to_have_attribute("aria-busy", "true")
    held[0].continue_()
    for title in ("First", "Second", "Third"):
        expect(page.get_by_role("button", name=f"Reopen “{title}”")).to_be_visible()
    expect(page.get_by_role("link", name="Completed 3")).to_be_visible()


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
    message(page, "could not be reached")
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
    expect(page.get_by_role("heading", name="Sign in to continue")).to_be_visible()
    fill_in(page, "jo@example.org")
    page.get_by_role("button", name="Submit again").click()
    expect(page.get_by_role("link", name="Buy milk", exact=True)).to_be_visible()


def test_counts_characters_as_the_server_does(people: People) -> None:
    page = people.person()
    sign_up(page, "erik@example.org")
    page.goto("/tasks/new/")
    expect(page.locator(".counter")).to_be_hidden()
    page.get_by_label("Title").fill("🎉" * 255)
    expect(page.get_by_text("255 of 255 characters")).to_be_visible()
    page.get_by_role("button", name="Add task").click()
    expect(page.get_by_role("link", name="🎉" * 255, exact=True)).to_be_visible()
