"""Language, direction, time zone and look in a real browser, with JavaScript and without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from todo_site.tests.browser import PASSWORD
from todo_site.tests.server import migrated_database, start_server

LIGHT, DARK = "rgb(250, 248, 243)", "rgb(20, 23, 26)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, collected_static_files: None) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    with (
        migrated_database(folder) as database,
        start_server(
            folder / "gunicorn.log",
            DATABASE_URL=database,
            DJANGO_SETTINGS_MODULE="todo_site.tests.programs.settings_with_arabic",
        ) as server,
    ):
        yield server.origin
    assert "Traceback" not in (folder / "gunicorn.log").read_text()


def person(browser: Browser, site: str, **options: Any) -> Page:
    page = browser.new_context(base_url=site, **options).new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    page.on("console", lambda message: pytest.fail(message.text) if "Content Security" in message.text else None)
    return page


def sign_up(page: Page, name: str) -> None:
    """The fields are found by their ids, in any language."""
    page.goto("/sign-up/")
    page.locator("#id_name").fill(name)
    page.locator("#id_email").fill(f"{name}@example.org")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("main button.primary").click()
    expect(page.locator(".quick-add")).to_be_visible()


def signed_up(browser: Browser, site: str, name: str, **options: Any) -> Page:
    """A person with an account of their own, on their list."""
    sign_up(page := person(browser, site, **options), name)
    return page


def add(page: Page, title: str) -> None:
    page.locator("#id_title").fill(title)
    page.locator(".quick-add button").click()
    expect(page.locator(".task", has_text=title)).to_be_visible()


def choose(page: Page, field: str, value: str) -> None:
    page.goto("/settings/display/")
    page.locator(f"#id_{field}").select_option(value)
    page.locator("main button.primary").click()
    expect(page.get_by_role("status")).to_be_visible()


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_asks_the_browser_for_its_time_zone_once(browser: Browser, site: str) -> None:
    page = person(browser, site, timezone_id="Asia/Kolkata", locale="en-GB")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "time-zone" in request.url else None)
    with page.expect_response("**/settings/time-zone/") as told:
        sign_up(page, "zoe")
    assert told.value.status == 303
    add(page, "Milk")
    page.locator(".task .title").click()
    expect(page.locator(".details time").first).not_to_contain_text("UTC")
    page.goto("/settings/display/")
    assert page.locator("#id_time_zone").input_value() in {"Asia/Kolkata", "Asia/Calcutta"}
    assert len(asked) == 1


def test_names_utc_and_lets_people_choose_without_javascript(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "otto", java_script_enabled=False, timezone_id="Asia/Kolkata", locale="de")
    add(page, "Milch")
    page.locator(".task .title").click()
    expect(created := page.locator(".details time").first).to_contain_text("UTC")
    task = page.url
    choose(page, "time_zone", "Europe/Berlin")
    page.goto(task)
    expect(created).not_to_contain_text("UTC")
    page.goto("/")
    expect(page.get_by_role("heading", name="Deine Aufgaben")).to_be_visible()


def test_lets_the_chosen_colours_win_over_the_device(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "lux", java_script_enabled=False, color_scheme="dark")
    assert background(page) == DARK
    choose(page, "theme", "light")
    for path in ("/", "/nothing-here/"):
        page.goto(path)
        assert background(page) == LIGHT
    page.emulate_media(color_scheme="light")
    choose(page, "theme", "dark")
    assert background(page) == DARK
    choose(page, "theme", "device")
    assert background(page) == LIGHT


def test_moves_rows_together_and_keeps_targets_large_enough(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "dens")
    add(page, "Milk")
    before = page.locator(".task").bounding_box()
    choose(page, "density", "compact")
    page.goto("/")
    after = page.locator(".task").bounding_box()
    assert before
    assert after
    assert after["height"] < before["height"] * 0.75
    for target in (".task > button", ".task > a"):
        box = page.locator(target).bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24, target


def test_mirrors_the_layout_from_right_to_left(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "rtl", locale="ar", viewport={"width": 320, "height": 700})
    add(page, "Plain Latin " * 12)
    add(page, "مهمة بالعربية")
    page.locator(".task .title").last.click()
    task = page.url
    for path in ("/", "/?status=all", task, f"{task}edit/", "/tasks/new/", "/settings/", "/settings/display/",
                 "/settings/sessions/", "/nothing-here/"):  # fmt: skip
        page.goto(path)
        assert page.locator("html").get_attribute("dir") == "rtl", path
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).textAlign") == "start", path
    page.goto("/")
    row = page.locator(".task", has_text="Plain Latin")
    for mode, control in (("row", "button"), ("select", "input")):
        page.set_viewport_size({"width": 800, "height": 700})
        page.goto("/?select=1" if mode == "select" else "/")
        parts = [row.locator(part) for part in (control, "bdi", *(["> a"] if mode == "row" else []))]
        boxes = [part.bounding_box() for part in parts]
        starts = [box["x"] + box["width"] for box in boxes if box]
        assert len(starts) == len(parts), mode
        assert starts == sorted(starts, reverse=True), mode


def test_leaves_the_direction_of_what_people_write_to_the_text(browser: Browser, site: str) -> None:
    page = signed_up(browser, site, "bidi", locale="ar")
    page.goto("/tasks/new/?title=Latin!&description=Latin+too!")
    page.locator("main button.primary").click()
    page.locator(".task .title").click()
    direction = "element => getComputedStyle(element).direction"
    assert page.locator("h1 bdi").evaluate(direction) == "ltr"
    assert page.locator(".description").evaluate(direction) == "ltr"
    page.goto(f"{page.url}edit/")
    assert page.locator("h1").evaluate(direction) == "rtl"
    for field in ("#id_title", "#id_description"):
        assert page.locator(field).evaluate("element => getComputedStyle(element).unicodeBidi") == "plaintext", field
