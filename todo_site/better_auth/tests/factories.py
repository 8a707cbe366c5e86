from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import factory
from django.db import connection
from django.utils import timezone

from todo_site.better_auth.fields import random_token
from todo_site.better_auth.models import Account, Session, User
from todo_site.better_auth.passwords import hash_password


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User

    id = factory.LazyFunction(lambda: User._meta.get_field("id").generate())
    name = factory.Sequence(lambda n: f"Person {n}")
    email = factory.Sequence(lambda n: f"person{n}@example.org")
    email_verified = False
    image = None
    created_at = factory.LazyFunction(timezone.now)
    updated_at = factory.LazyFunction(timezone.now)


class SessionFactory(factory.django.DjangoModelFactory[Session]):
    class Meta:
        model = Session

    id = factory.LazyFunction(lambda: Session._meta.get_field("id").generate())
    token = factory.LazyFunction(random_token)
    user = factory.SubFactory(UserFactory)
    created_at = factory.LazyFunction(timezone.now)
    updated_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=7))
    ip_address = "192.0.2.1"
    user_agent = "Tests"


def make_user(**fields: Any) -> User:
    user: User = UserFactory.create(**fields)
    return user


def make_session(**fields: Any) -> Session:
    session: Session = SessionFactory.create(**fields)
    return session


hash_once = cache(hash_password)


def make_account(email: str, password: str, name: str) -> User:
    """Somebody with a password, as create_user() makes them. A password is hashed once: that is what takes long."""
    user = make_user(email=email, name=name)
    Account.objects.create(
        id=Account._meta.get_field("id").generate(),
        user=user,
        account_id=user.id,
        provider_id="credential",
        password=hash_once(password),
        created_at=user.created_at,
        updated_at=user.updated_at,
    )
    return user


def add_column(name: str, kind: str) -> None:
    """To "user", as a plugin of Better Auth does; unless the real server, whose tests come first or later, did it."""
    with connection.cursor() as cursor:
        if name not in {column.name for column in connection.introspection.get_table_description(cursor, "user")}:
            cursor.execute(f'ALTER TABLE "user" ADD COLUMN "{name}" {kind}')
