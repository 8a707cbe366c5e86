"""Chromium, and what a person does in it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# No sandbox: CI runs as root. No background networking: the tests talk to the site and to nobody else.
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PASSWORD = "correct horse battery"
# What the browser itself notes of every answer that is an error, and some of them are asked for.
EXPECTED = "Failed to load resource: the server responded with a status of 4"
ADDRESSES = count(1)


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


@dataclass
class People:
    """Opens a browser of somebody's own for each person, and notes what went wrong in any of them."""

    browser: Browser
    site: str
    errors: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def person(self, *, javascript: bool = True, **options: Any) -> Page:
        address = {"X-Forwarded-For": f"10.0.0.{next(ADDRESSES)}"}
        context = self.browser.new_context(
            base_url=self.site, java_script_enabled=javascript, extra_http_headers=address, **options
        )
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("console", lambda message: self.note(message.type, message.text))
        return context.new_page()

    def note(self, kind: str, text: str) -> None:
        if (kind == "error" and not text.startswith(EXPECTED)) or "Content Security" in text:
            self.errors.append(text)

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        assert self.errors == []


def sign_up(page: Page, email: str) -> None:
    page.goto("/sign-up/")
    page.get_by_label("Name").fill(email.split("@", maxsplit=1)[0])
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Your tasks")).to_be_visible()
    page.wait_for_load_state()


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in/")
    fill_in(page, email, password)
    expect(page.get_by_role("heading", name="Your tasks")).to_be_visible()
    page.wait_for_load_state()


def fill_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Send the form for signing in, on whatever page it stands."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def add(page: Page, title: str) -> None:
    page.get_by_label("New task").fill(title)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("link", name=title, exact=True)).to_be_visible()


def select(page: Page, *titles: str) -> None:
    """Open the select mode of the list, and check the boxes of these tasks."""
    page.get_by_role("link", name="Select", exact=True).click()
    for title in titles:
        page.get_by_role("checkbox", name=title, exact=True).check()
    expect(page.locator(".selected-count")).to_be_visible()


def create_many(page: Page, titles: list[str]) -> None:
    """Send the form of the list page once for each of these titles, without loading the page again."""
    token = page.locator("#quick-add [name=csrfmiddlewaretoken]").input_value()
    for title in titles:
        form: dict[str, str | float | bool] = {
            "csrfmiddlewaretoken": token,
            "title": title,
            "description": f"What “{title}” is about.",
        }
        assert page.request.post("/tasks/new/", form=form, max_redirects=0).status == 303
