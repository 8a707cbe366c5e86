"""What users do in the browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def message(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


def undo(page: Page) -> None:
    page.locator("#messages").get_by_role("button", name="Undo").click()
