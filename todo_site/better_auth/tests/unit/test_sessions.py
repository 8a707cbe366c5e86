from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from http.cookies import Morsel
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from todo_site.better_auth import sessions, signed_cookies
from todo_site.better_auth.middleware import BetterAuthMiddleware
from todo_site.better_auth.models import Session, User
from todo_site.better_auth.tests.factories import make_session

SESSION, DONT_REMEMBER = "better-auth.session_token", "better-auth.dont_remember"
DUE = timedelta(days=5, hours=23)
NOT_DUE = timedelta(days=6, hours=1)
WEEK = timedelta(days=7)


def ask(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    return HttpResponse()


def sent(session: Session, *others: str) -> HttpRequest:
    return RequestFactory().get(
        "/", headers={"cookie": "; ".join([f"{SESSION}={signed_cookies.sign(session.token)}", *others])}
    )


def get(session: Session, *others: str, view: Callable[[HttpRequest], HttpResponse] = ask) -> HttpResponse:
    """The answer to a request with this session's cookie, from a view that asks who it is from."""
    response = BetterAuthMiddleware(view)(sent(session, *others))
    assert isinstance(response, HttpResponse)
    return response


def session_of(user: User, left: timedelta) -> Session:
    """A session with so much time left that was last extended when it should have been."""
    now = timezone.now()
    return make_session(user=user, expires_at=now + left, updated_at=now + left - WEEK)


def times(session: Session) -> tuple[datetime, datetime]:
    return Session.objects.values_list("expires_at", "updated_at").get(pk=session.pk)


def attributes(morsel: Morsel[str]) -> dict[str, str | bool]:
    return {name: value for name, value in morsel.items() if value}


def test_leaves_a_session_alone_that_was_extended_within_a_day(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session = session_of(alice, NOT_DUE)
    before = times(session)
    with django_assert_num_queries(1):
        response = get(session)
    assert not response.cookies
    assert times(session) == before


def test_extends_a_session_after_a_day(alice: User) -> None:
    session = session_of(alice, DUE)
    elsewhere = make_session(user=alice, expires_at=session.expires_at, updated_at=session.updated_at)
    earliest = timezone.now()
    response = get(session)
    expires_at, updated_at = times(session)
    assert earliest <= updated_at <= timezone.now()
    assert expires_at == updated_at + WEEK
    assert response.cookies[SESSION].value == signed_cookies.sign(session.token)
    assert attributes(response.cookies[SESSION]) == {
        "max-age": 604800,
        "expires": response.cookies[SESSION]["expires"],
        "path": "/",
        "httponly": True,
        "samesite": "Lax",
    }
    assert list(response.cookies) == [SESSION]
    assert times(elsewhere) == (session.expires_at, session.updated_at)


def test_extends_a_session_with_six_days_left_and_not_a_moment_more() -> None:
    now = timezone.now()
    assert sessions.needs_extension(Session(expires_at=now + timedelta(days=6)), now)
    assert not sessions.needs_extension(Session(expires_at=now + timedelta(days=6, microseconds=1)), now)


def test_reads_ids_and_times_of_any_kind() -> None:
    row = {str(field.column): None for field in User._meta.concrete_fields}
    number, noon = UUID(int=1), datetime(2030, 7, 1, 12, tzinfo=ZoneInfo("Asia/Tokyo"))
    user = sessions.read_user({**row, "id": number, "createdAt": noon}, is_staff=False)
    assert user
    assert (user.pk, user.created_at) == (str(number), noon)


def test_sets_its_cookies_for_the_domain_that_the_server_does(alice: User, settings: Settings) -> None:
    settings.BETTER_AUTH_COOKIE_DOMAIN = "example.org"
    assert get(session_of(alice, DUE)).cookies[SESSION]["domain"] == "example.org"


def test_leaves_a_cookie_as_it_is_that_the_answer_carries_already(alice: User) -> None:
    session, response = make_session(user=alice), HttpResponse()
    response.set_cookie(SESSION, "the server's own")
    sessions.end(sent(session), response)
    assert response.cookies[SESSION].value == "the server's own"
    assert response.cookies[DONT_REMEMBER].value == ""


def test_writes_once_for_many_requests(alice: User, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    session = session_of(alice, DUE)
    get(session)
    after = times(session)
    for _ in range(3):
        with django_assert_num_queries(1):
            assert not get(session).cookies
    assert times(session) == after


def test_writes_once_for_requests_at_the_same_moment(alice: User) -> None:
    session = session_of(alice, DUE)
    middleware = BetterAuthMiddleware(ask)
    requests = [sent(session) for _ in range(3)]
    for request in requests:
        middleware.process_request(request)
        assert request.user == alice
    responses = [middleware.process_response(request, HttpResponse()) for request in requests]
    assert [list(response.cookies) for response in responses] == [[SESSION], [], []]


def test_does_not_extend_for_a_view_that_does_not_ask(alice: User) -> None:
    session = session_of(alice, DUE)
    before = times(session)
    assert not get(session, view=lambda request: HttpResponse()).cookies
    assert times(session) == before


@pytest.mark.parametrize("left", [DUE, timedelta(hours=23)])
def test_does_not_extend_what_is_not_to_be_remembered(alice: User, left: timedelta) -> None:
    session = session_of(alice, left)
    before = times(session)
    assert not get(session, f"{DONT_REMEMBER}={signed_cookies.sign('true')}").cookies
    assert times(session) == before


@pytest.mark.parametrize(
    "forged", ["", "true", f"true.{'A' * 43}%3D", signed_cookies.sign("false"), signed_cookies.sign("true")[:-3]]
)
def test_extends_in_spite_of_a_forged_wish_not_to_be_remembered(alice: User, forged: str) -> None:
    session = session_of(alice, DUE)
    assert SESSION in get(session, f"{DONT_REMEMBER}={forged}").cookies
    assert times(session)[0] > timezone.now() + NOT_DUE


def test_extends_in_spite_of_a_wish_signed_with_another_secret(alice: User, settings: Settings) -> None:
    genuine = settings.BETTER_AUTH_SECRET
    settings.BETTER_AUTH_SECRET = "another secret, as long as the first"
    forged = signed_cookies.sign("true")
    settings.BETTER_AUTH_SECRET = genuine
    assert SESSION in get(session_of(alice, DUE), f"{DONT_REMEMBER}={forged}").cookies


def signed_in(session: Session) -> Client:
    client = Client()
    client.cookies[SESSION] = signed_cookies.sign(session.token)
    return client


def test_ends_one_session_and_leaves_the_others(alice: User, bob: User) -> None:
    session, elsewhere, bobs = make_session(user=alice), make_session(user=alice), make_session(user=bob)
    response = signed_in(session).post("/sign-out/")
    assert (response.status_code, response.headers["Location"]) == (303, "/sign-in/")
    assert set(Session.objects.all()) == {elsewhere, bobs}
    assert signed_in(session).get("/").status_code == 302
    assert signed_in(elsewhere).get("/").status_code == 200


@pytest.mark.parametrize("secure", [False, True])
def test_expires_three_cookies_and_clears_what_the_browser_keeps(alice: User, secure: bool) -> None:
    response = signed_in(make_session(user=alice)).post("/sign-out/", secure=secure)
    prefix = "__Secure-better-auth" if secure else "better-auth"
    expired = [f"{prefix}.{name}" for name in ("session_token", "session_data", "dont_remember")]
    assert {name for name in response.cookies if "better-auth" in name} == set(expired)
    for name in expired:
        cookie = response.cookies[name]
        assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", 0, "/")
        assert (cookie["httponly"], cookie["samesite"], bool(cookie["secure"])) == (True, "Lax", secure)
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_ends_nothing_for_a_forged_cookie(alice: User) -> None:
    session = make_session(user=alice)
    client = Client()
    client.cookies[SESSION] = f"{session.token}.{'A' * 43}%3D"
    response = client.post("/sign-out/")
    assert (response.status_code, response.headers["Location"]) == (303, "/sign-in/")
    assert Session.objects.get() == session


def test_does_not_extend_a_session_while_another_takes_its_place(alice: User) -> None:
    def sign_in(request: HttpRequest) -> HttpResponse:
        response = ask(request)
        sessions.start(request, response, alice, "", remember=True)
        return response

    session = session_of(alice, DUE)
    before = times(session)
    response = get(session, view=sign_in)
    assert times(session) == before
    assert response.cookies[SESSION].value == signed_cookies.sign(Session.objects.exclude(pk=session.pk).get().token)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_signs_out_only_by_post(alice: User, method: str) -> None:
    session = make_session(user=alice)
    response = signed_in(session).generic(method, "/sign-out/")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert Session.objects.get() == session


def test_signs_out_only_with_a_csrf_token(alice: User) -> None:
    session = make_session(user=alice)
    client = Client(enforce_csrf_checks=True)
    client.cookies[SESSION] = signed_cookies.sign(session.token)
    assert client.post("/sign-out/").status_code == 403
    assert Session.objects.get() == session
