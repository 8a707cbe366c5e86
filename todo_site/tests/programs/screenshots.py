"""Pictures of every page, as ``make screenshots`` makes them: three widths, in light, in dark and in print."""

from __future__ import annotations

import tempfile
from itertools import chain
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from todo_site.tests.browser import launch
from todo_site.tests.page_tour import demo_account, tour, tour_empty
from todo_site.tests.server import ROOT, running_site

FOLDER = ROOT / "build" / "screenshots"
WIDTHS = (360, 768, 1280)
LOOKS: list[tuple[str, Literal["screen", "print"], Literal["light", "dark"]]] = [
    ("light", "screen", "light"),
    ("dark", "screen", "dark"),
    ("print", "print", "light"),
]


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        database = f"sqlite:///{folder}/db.sqlite3"
        with running_site(Path(folder) / "gunicorn.log", DATABASE_URL=database) as site:
            browser = launch(playwright)
            for width in WIDTHS:
                take(browser, site, width, database)
            browser.close()
    print(f"{len(list(FOLDER.iterdir()))} pictures in {FOLDER.relative_to(ROOT)}")


def take(browser: Browser, site: str, width: int, database: str) -> None:
    window = {"base_url": site, "viewport": {"width": width, "height": 800}, "reduced_motion": "reduce"}
    context, empty = browser.new_context(**window), browser.new_context(**window)  # type: ignore[arg-type]
    page, other = context.new_page(), empty.new_page()
    steps = chain(
        ((page, name) for name in tour(page, *demo_account(database))),
        ((other, name) for name in tour_empty(other, f"new-{width}@example.org")),
    )
    for shown, name in steps:
        for look, media, scheme in LOOKS:
            shown.emulate_media(media=media, color_scheme=scheme)
            shown.screenshot(path=FOLDER / f"{name}-{width}-{look}.png", full_page=True)
        shown.emulate_media(media="screen", color_scheme="light")
    context.close()
    empty.close()


if __name__ == "__main__":
    main()
