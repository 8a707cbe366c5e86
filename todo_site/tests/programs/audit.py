"""What ``make audit`` does: the Nu HTML checker over every page of the tour, and Lighthouse on a list and a task.

Both take their time, and the checker needs Java; so neither is a part of the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from todo_site.tests.browser import CHROMIUM, create_many, launch, sign_up
from todo_site.tests.page_tour import demo_account, tour, tour_empty
from todo_site.tests.server import ROOT, running_site

TOOLS = ROOT / "todo_site/tests/audit_tools/node_modules"
# Of a hundred, on a slow phone. Speed is measured again each time: the middle one of three counts.
LEAST = {"accessibility": 100, "best-practices": 100, "performance": 98}
RUNS = 3


def main() -> None:
    needed = {"Java": shutil.which("java"), "Chromium": CHROMIUM, "npm": TOOLS.exists()}
    if missing := [name for name, there in needed.items() if not there]:
        sys.exit(f"The audit needs {' and '.join(missing)}.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        wrong = [*check_html(browser, Path(folder)), *check_lighthouse(browser, Path(folder))]
        browser.close()
    if wrong:
        sys.exit("\n".join(["", "The audit found:", *wrong]))


def check_html(browser: Browser, folder: Path) -> list[str]:
    """What the checker finds in the pages as they are sent, before a script changes anything in them."""
    database, pages = f"sqlite:///{folder}/tour.sqlite3", folder / "pages"
    pages.mkdir()
    recorder = "todo_site.tests.programs.page_recorder"
    with running_site(folder / "tour.log", recorder, DATABASE_URL=database, RECORDED_PAGES=str(pages)) as site:
        page, new = (browser.new_context(base_url=site).new_page() for _ in range(2))
        names = [*tour(page, *demo_account(database)), *tour_empty(new, "new@example.org")]
    files = sorted(pages.iterdir())
    command = ["java", "-jar", str(TOOLS / "vnu-jar/build/dist/vnu.jar"), "--format", "json", "--exit-zero-always"]
    checked = subprocess.run([*command, *map(str, files)], check=True, capture_output=True, text=True)
    found = json.loads(checked.stderr)["messages"]
    print(f"Nu HTML checker: {len(files)} pages of {len(names)} states, {len(found)} errors and warnings")
    return [in_words(message) for message in found]


def in_words(message: dict[str, Any]) -> str:
    where = f"{Path(message.get('url', '')).name}:{message.get('lastLine', '')}"
    return f"{where} {message.get('subType') or message['type']}: {message['message']} {message.get('extract', '')!r}"


def check_lighthouse(browser: Browser, folder: Path) -> list[str]:
    with running_site(folder / "lighthouse.log", DATABASE_URL=f"sqlite:///{folder}/lighthouse.sqlite3") as site:
        paths, cookies = fifty_tasks(browser, site)
        return [words for path in paths for words in lighthouse(f"{site}{path}", cookies, folder / "report.json")]


def fifty_tasks(browser: Browser, site: str) -> tuple[list[str], str]:
    """Where the list and a task are of somebody who has so many, and their cookies."""
    context = browser.new_context(base_url=site)
    page = context.new_page()
    sign_up(page, "fifty@example.org")
    create_many(page, [f"Task {n}, which has a title as long as most" for n in range(50)])
    page.goto("/")  # which shows the messages
    page.reload()
    assert page.locator(".task").count() == 50
    task = page.locator(".task a").first.get_attribute("href")  # relative to the list
    return ["/", f"/{task}"], "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in context.cookies())


def lighthouse(address: str, cookies: str, file: Path) -> Iterator[str]:
    reports = [report(address, cookies, file) for _ in range(RUNS)]
    assert all(one["finalDisplayedUrl"] == address for one in reports), "somebody else's page was looked at"
    for name, least in LEAST.items():
        score = median(round(one["categories"][name]["score"] * 100) for one in reports)
        print(f"Lighthouse {address}: {name} {score}")
        if score < least:
            yield f"{address}: {name} is {score}, not {least}: {', '.join(lost(reports[-1], name))}"


def report(address: str, cookies: str, file: Path) -> dict[str, Any]:
    command = [
        "node",
        str(TOOLS / "lighthouse/cli/index.js"),
        address,
        "--quiet",
        f"--only-categories={','.join(LEAST)}",
    ]
    command += ["--output=json", f"--output-path={file}", "--chrome-flags=--headless=new --no-sandbox"]
    command += [f"--extra-headers={json.dumps({'Cookie': cookies})}"]
    subprocess.run(command, check=True, env={**os.environ, "CHROME_PATH": str(CHROMIUM)})
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def lost(report: dict[str, Any], category: str) -> list[str]:
    """The audits that cost this category points."""
    parts = [part["id"] for part in report["categories"][category]["auditRefs"] if part["weight"]]
    audits = {name: report["audits"][name] for name in parts}
    return [f"{audit['title']} ({name})" for name, audit in audits.items() if (audit["score"] or 0) < 1]


if __name__ == "__main__":
    main()
