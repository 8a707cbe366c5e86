"""The stack of the backend that the site took the place of: FastAPI, SQLModel, asyncpg; its page by Jinja2.

No journal and no CSRF token. Of the pages it has the list alone, as it is without a question: the load asks for
nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Cookie, Depends, FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.templating import Jinja2Templates
from sqlalchemy import Column, DateTime, Text, func
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, desc, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bench.contestants.shared import COOKIE, SOCKETS, TEMPLATES, token_in


def now() -> datetime:
    return datetime.now(UTC)


class User(SQLModel, table=True):
    id: str = Field(primary_key=True)
    name: str
    email: str


class Session(SQLModel, table=True):
    token: str = Field(primary_key=True)
    user_id: str = Field(sa_column=Column("userId", Text))
    expires_at: datetime = Field(sa_column=Column("expiresAt", DateTime(timezone=True)))


class Task(SQLModel, table=True):
    id: uuid.UUID = Field(primary_key=True, default_factory=uuid.uuid4)
    user_id: str
    title: str
    description: str | None
    status: str = "pending"
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True)), default_factory=now)
    updated_at: datetime = Field(sa_column=Column(DateTime(timezone=True)), default_factory=now)


engine = create_async_engine("postgresql+asyncpg://postgres@/postgres", connect_args={"host": SOCKETS}, pool_size=8)
templates = Jinja2Templates(directory=TEMPLATES)
app = FastAPI()


async def database() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as session:
        yield session


Database = Annotated[AsyncSession, Depends(database)]


async def asking(database: Database, token: Annotated[str, Cookie(alias=COOKIE)]) -> User:
    joined = select(User).join(Session, Session.user_id == User.id)  # type: ignore[arg-type]
    user = (await database.exec(joined.where(Session.token == token_in(token), Session.expires_at >= now()))).first()
    if user is None:
        raise HTTPException(401)
    return user


Asking = Annotated[User, Depends(asking)]


async def asked_for(database: Database, user: Asking, task_id: uuid.UUID) -> Task:
    task = (await database.exec(select(Task).where(Task.id == task_id, Task.user_id == user.id))).first()
    if task is None:
        raise HTTPException(404)
    return task


AskedFor = Annotated[Task, Depends(asked_for)]
Title = Annotated[str, Form(min_length=1, max_length=255)]
Description = Annotated[str | None, Form(max_length=20_000)]
Status = Annotated[Literal["pending", "completed"], Form()]


@app.get("/")
async def tasks(request: Request, database: Database, user: Asking) -> Response:
    own = select(Task).where(Task.user_id == user.id, Task.status == "pending")
    page = await database.exec(own.order_by(desc(Task.created_at), desc(Task.id)).limit(50))
    grouped = select(Task.status, func.count()).where(Task.user_id == user.id).group_by(Task.status)
    counts = {"pending": 0, "completed": 0, **dict((await database.exec(grouped)).all())}
    context: dict[str, Any] = {"user": user, "tasks": page.all(), "counts": counts}
    return templates.TemplateResponse(request, "fastapi.html", context)


@app.post("/tasks/new/")
async def create(database: Database, user: Asking, title: Title, description: Description = None) -> Response:
    database.add(Task(user_id=user.id, title=title, description=description))
    await database.commit()
    return RedirectResponse("/", 303)


@app.post("/tasks/{task_id}/status/")
async def set_status(database: Database, task: AskedFor, status: Status) -> Response:
    task.status, task.updated_at = status, now()
    await database.commit()
    return RedirectResponse("/", 303)


@app.post("/tasks/{task_id}/edit/")
async def edit(
    database: Database, task: AskedFor, title: Title, status: Status, description: Description = None
) -> Response:
    task.title, task.description, task.status, task.updated_at = title, description, status, now()
    await database.commit()
    return RedirectResponse("/", 303)
