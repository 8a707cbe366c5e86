from __future__ import annotations

import pytest

from todo_site.better_auth.user_agents import describe_user_agent

# The same whatever the database.
pytestmark = pytest.mark.sqlite

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IOS_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
MAC = "Macintosh; Intel Mac OS X 10_15_7"
IPHONE = "iPhone; CPU iPhone OS 18_5 like Mac OS X"

ERROR_MESSAGES = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Windows",
    "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0": "Firefox on Android",
    f"Mozilla/5.0 ({IPHONE}) {IOS_WEBKIT} FxiOS/140.0 Mobile/15E148 Safari/605.1.15": "Firefox on iPhone",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/138.0.0.0 Safari/537.36": "Chrome on Windows",
    f"Mozilla/5.0 ({MAC}) {WEBKIT} Chrome/138.0.0.0 Safari/537.36": "Chrome on macOS",
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/138.0.0.0 Mobile Safari/537.36": "Chrome on Android",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/138.0.0.0 Safari/537.36": "Chrome on ChromeOS",
    f"Mozilla/5.0 ({IPHONE}) {IOS_WEBKIT} CriOS/138.0.7204.119 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/138.0.0.0 Safari/537.36": "Chromium on Linux",
    f"Mozilla/5.0 ({MAC}) {IOS_WEBKIT} Version/18.5 Safari/605.1.15": "Safari on macOS",
    f"Mozilla/5.0 ({IPHONE}) {IOS_WEBKIT} Version/18.5 Mobile/15E148 Safari/604.1": "Safari on iPhone",
    "Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X)"
    f" {IOS_WEBKIT} Version/12.1.2 Mobile/15E148 Safari/604.1": "Safari on iPad",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
    f" {WEBKIT} Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0": "Edge on Windows",
    "Mozilla/5.0 (Linux; Android 10; HD1913)"
    f" {WEBKIT} Chrome/138.0.7204.63 Mobile Safari/537.36 EdgA/137.0.3296.92": "Edge on Android",
    f"Mozilla/5.0 ({IPHONE}) {IOS_WEBKIT} Version/18.0 EdgiOS/137.3296.65 Mobile/15E148 Safari/604.1": "Edge on iPhone",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
    f" {WEBKIT} Chrome/138.0.0.0 Safari/537.36 OPR/120.0.0.0": "Opera on Windows",
    f"Mozilla/5.0 ({IPHONE}) {IOS_WEBKIT} Version/18.5 Mobile/15E148 Safari/604.1 OPT/5.6.1": "Opera on iPhone",
    "Mozilla/5.0 (Linux; Android 15; SAMSUNG SM-S931B)"
    f" {WEBKIT} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36": "Samsung Internet on Android",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/138.0.0.0 Safari/537.36 Vivaldi/7.5.3735.44": "Vivaldi on Linux",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko": "Windows",
    "curl/8.14.1": "curl",
    "Lynx/2.9.2 libwww-FM/2.14": "Unknown browser",
    "python-requests/2.32.4": "Unknown browser",
}


@pytest.mark.parametrize(("user_agent", "words"), ERROR_MESSAGES.items(), ids=range(len(ERROR_MESSAGES)))
def test_says_in_words(user_agent: str, words: str) -> None:
    assert describe_user_agent(user_agent) == words


@pytest.mark.parametrize(
    "user_agent",
    [None, "", " ", "\0", "x" * 10_000, "\x1b[31m\n" * 2000, "Edg" * 3333, "<b>é🔑</b>" * 1000],
    ids=["None", "nothing", "a space", "a NUL", "10 kB", "control characters", "nearly a name", "letters"],
)
def test_knows_no_browser_in(user_agent: str | None) -> None:
    assert describe_user_agent(user_agent) == "Unknown browser"


def test_finds_a_name_within_garbage() -> None:
    garbage = "(" * 5000
    assert describe_user_agent(f"{garbage}Linux{garbage}Firefox/{garbage}") == "Firefox on Linux"
