"""The stack of the backend that the site took the place of: FastAPI, SQLModel, asyncpg; its page by Jinja2."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from fastapi import Cookie, Depends, FastAPI, HTTPException, Request, Response
from fastapi.templating import Jinja2Templates
from sqlalchemy import Column, DateTime, Text, func
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, desc, select
from sqlmodel.ext.asyncio.session import AsyncSession

from todo_site.better_auth import cookies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "todo_site.settings")  # for the secret of the cookies


class User(SQLModel, table=True):
    id: str = Field(primary_key=True)
    name: str


class Session(SQLModel, table=True):
    token: str = Field(primary_key=True)
    user_id: str = Field(sa_column=Column("userId", Text))
    expires_at: datetime = Field(sa_column=Column("expiresAt", DateTime(timezone=True)))


class Task(SQLModel, table=True):
    id: str = Field(primary_key=True)
    user_id: str
    title: str
    description: str | None
    status: str
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True)))


parts = urlsplit(os.environ["DATABASE_URL"])
engine = create_async_engine(
    "postgresql+asyncpg://postgres@/postgres", connect_args={"host": parse_qs(parts.query)["host"][0]}, pool_size=8
)
templates = Jinja2Templates(directory=Path(__file__).parent / "templates")
app = FastAPI()


async def database() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as session:
        yield session


Database = Annotated[AsyncSession, Depends(database)]


async def asking(database: Database, token: Annotated[str, Cookie(alias="better-auth.session_token")]) -> User:
    live = Session.expires_at >= datetime.now(UTC)
    joined = select(User).join(Session, Session.user_id == User.id)  # type: ignore[arg-type]
    user = (await database.exec(joined.where(Session.token == cookies.unsign(token), live))).first()
    if user is None:
        raise HTTPException(401)
    return user


@app.get("/")
async def tasks(request: Request, database: Database, user: Annotated[User, Depends(asking)]) -> Response:
    own = select(Task).where(Task.user_id == user.id, Task.status == "pending")
    page = await database.exec(own.order_by(desc(Task.created_at), desc(Task.id)).limit(50))
    grouped = select(Task.status, func.count()).where(Task.user_id == user.id).group_by(Task.status)
    context: dict[str, Any] = {"user": user, "tasks": page.all(), "counts": dict((await database.exec(grouped)).all())}
    return templates.TemplateResponse(request, "tasks.html", context)
