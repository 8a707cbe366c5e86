"""CSRF tokens, and the cookies that a page sets only if they change something."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.middleware import csrf
from django.test import Client

from tasks.tests.factories import make_task
from todo_site.better_auth.models import User
from todo_site.tests.html_forms import Forms
from todo_site.web.csrf import mask

# The same whatever the database.
pytestmark = pytest.mark.sqlite
SECRET = "aZ09" * 8


def test_masks_a_secret_so_that_django_finds_it_again() -> None:
    """Django's functions are private: this fails if their format changes."""
    tokens = {mask(SECRET) for _ in range(500)}
    assert len(tokens) == 500
    for token in [*tokens, csrf._mask_cipher_secret(SECRET)]:  # type: ignore[attr-defined]
        csrf._check_token_format(token)  # type: ignore[attr-defined]
        assert len(token) == csrf.CSRF_TOKEN_LENGTH
        assert csrf._unmask_cipher_token(token) == SECRET  # type: ignore[attr-defined]
        assert csrf._does_token_match(token, SECRET)  # type: ignore[attr-defined]


def test_draws_every_character_at_every_place_of_the_mask() -> None:
    masks = [mask(SECRET)[:32] for _ in range(3000)]
    assert all(len(set(chars)) == len(csrf.CSRF_ALLOWED_CHARS) for chars in zip(*masks, strict=True))


@pytest.fixture
def browser(alices: Client) -> Client:
    """Alice's browser, in which forms need a token."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alices.cookies
    return strict


def token_of(page: str) -> str:
    return dict(Forms(page).forms[0][1])["csrfmiddlewaretoken"]


@pytest.mark.django_db
def test_sets_no_cookie_that_the_browser_has(alice: User, browser: Client) -> None:
    make_task(alice.id)
    pages = ("/", "/?q=milk", "/?q=nothing", "/tasks/new/", "/settings/", "/history/", "/trash/")
    assert settings.CSRF_COOKIE_NAME in browser.get("/").cookies
    for path in pages:
        page = browser.get(path)
        assert not page.cookies, path
        form = {"title": "Milk", "csrfmiddlewaretoken": token_of(page.text)}
        assert browser.post("/tasks/new/", form, follow=True).status_code == 200, path


@pytest.mark.django_db
@pytest.mark.parametrize("cookie", ["", "x", "c" * 31, "-" * 32, None])
def test_sets_the_cookie_that_is_missing_or_broken(browser: Client, cookie: str | None) -> None:
    browser.get("/")
    if cookie is None:
        del browser.cookies[settings.PREFERENCES_COOKIE_NAME]  # an hour later
    else:
        browser.cookies[settings.CSRF_COOKIE_NAME] = cookie
    response = browser.get("/")
    assert response.cookies[settings.CSRF_COOKIE_NAME]["max-age"] == settings.CSRF_COOKIE_AGE
    form = {"title": "Milk", "csrfmiddlewaretoken": token_of(response.text)}
    assert browser.post("/tasks/new/", form).status_code == 303


@pytest.mark.django_db
def test_deletes_a_message_when_it_was_shown(browser: Client) -> None:
    form = {"title": "Milk", "csrfmiddlewaretoken": token_of(browser.get("/").text)}
    assert "messages" in browser.post("/tasks/new/", form).cookies
    shown = browser.get("/")
    assert "Added “Milk”" in shown.text
    assert shown.cookies["messages"]["max-age"] == 0
    assert "Added “Milk”" not in browser.get("/").text
