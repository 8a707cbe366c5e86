"""Every page in every state: accessibility, width, layout shifts and size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from playwright.sync_api import Page

from todo_site.tests.browser import People, create_many, sign_up
from todo_site.tests.page_tour import demo_account, tour, tour_empty
from todo_site.tests.server import ROOT

AXE = ROOT / "todo_site/tests/tools/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """async (rules) => {
    const found = await axe.run({runOnly: rules, resultTypes: ["violations"]});
    return found.violations.map(({id, nodes}) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
}"""
WIDTH = "[document.documentElement.scrollWidth, innerWidth]"
MAX_BYTES = 60_000
SHIFTS = """new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(list.getEntries().reduce((sum, {value}) => sum + value, 0)))
        .observe({type: "layout-shift", buffered: true});
    requestAnimationFrame(() => setTimeout(() => resolve(0), 200));
})"""


def states(people: People, database: str, **options: Any) -> Iterator[tuple[Page, str]]:
    page, empty = people.person(**options), people.person(**options)
    email = f"new-{len(people.errors)}-{id(page)}@example.org"
    return chain(
        ((page, name) for name in tour(page, *demo_account(database))),
        ((empty, name) for name in tour_empty(empty, email)),
    )


@pytest.mark.parametrize("width", [1280, *(pytest.param(width, marks=pytest.mark.thorough) for width in (360, 768))])
def test_is_accessible_and_never_scrolls_sideways(people: People, database: str, width: int) -> None:
    """Both are tested on one tour: most of the time goes into getting to the pages."""
    if not AXE.exists():
        pytest.skip("needs axe-core, which npm did not install")
    violations: dict[str, dict[str, list[str]]] = {}
    wide: dict[str, dict[str, int]] = {}
    for page, name in states(people, database, viewport={"width": width, "height": 720}):
        violations[name] = axe_violations(page)
        page.set_viewport_size({"width": 320, "height": 700})
        wide[name] = overflow(page)
        page.set_viewport_size({"width": width, "height": 720})
    found = {name: broken for name, broken in violations.items() if broken}
    assert not found, json.dumps(found, indent=1)
    assert not {name: needs for name, needs in wide.items() if needs}


def axe_violations(page: Page) -> dict[str, list[str]]:
    """Return what breaks a rule on this page: all rules in light colours, contrast in dark and forced ones."""
    rules, colours = {"type": "tag", "values": TAGS}, {"type": "rule", "values": ["color-contrast"]}
    page.evaluate(AXE.read_text())
    found = {}
    for look in ("light", "dark", "forced"):
        page.emulate_media(
            color_scheme="dark" if look == "dark" else "light",
            forced_colors="active" if look == "forced" else "none",
            reduced_motion="reduce",
        )
        if broken := page.evaluate(RUN_AXE, rules if look == "light" else colours):
            found[look] = broken
    page.emulate_media(color_scheme="light", forced_colors="none")
    return found


def overflow(page: Page) -> dict[str, int]:
    """Return the width that the page needs where it needs more than the window has, by font size."""
    found = {}
    for size in ("100%", "200%"):
        page.evaluate("(size) => { document.documentElement.style.fontSize = size }", size)
        needs, has = page.evaluate(WIDTH)
        if needs > has:
            found[size] = needs
    page.evaluate("document.documentElement.removeAttribute('style')")
    return found


def test_wraps_a_word_without_an_end(people: People) -> None:
    page = people.person(viewport={"width": 320, "height": 700})
    sign_up(page, "wim@example.org")
    create_many(page, ["x" * 255])
    page.goto("/")
    page.get_by_role("link", name="x" * 255, exact=True).click()
    page.get_by_role("heading", name="History").wait_for()
    for path in (page.url, f"{page.url}edit/", "/", "/history/"):
        page.goto(path)
        needs, has = page.evaluate(WIDTH)
        assert needs <= has, path


def test_sends_little_and_shifts_nothing(people: People) -> None:
    page = people.person(viewport={"width": 390, "height": 844})
    sign_up(page, "una@example.org")
    create_many(page, [f"Task {n}, which has a title as long as most" for n in range(50)])
    page.goto("/")  # which shows the messages
    fresh = people.person(viewport={"width": 390, "height": 844}, storage_state=page.context.storage_state())
    wire = fresh.context.new_cdp_session(fresh)
    wire.send("Network.enable")
    sizes: list[int] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    fresh.goto("/", wait_until="networkidle")
    assert fresh.locator(".task").count() == 50
    assert fresh.evaluate(SHIFTS) == 0
    assert len(sizes) >= 4  # the page, its style and its scripts
    assert sum(sizes) < MAX_BYTES
    print(f"\n{sum(sizes)} bytes in {len(sizes)} answers")
