"""FastAPI with SQLModel, asyncpg and Jinja2: the stack of the backend that the site replaced.

It has no journal and no CSRF protection. It serves the list without filters and the writes that the load sends, and no
other page.
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

from bench.contestants.shared import SESSION_COOKIE, TEMPLATES, socket_folder, unsign


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


engine = create_async_engine(f"postgresql+asyncpg://peer@/postgres?host={socket_folder()}", pool_size=8)
templates = Jinja2Templates(directory=TEMPLATES)
app = FastAPI()


async def database() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as session:
        yield session


Database = Annotated[AsyncSession, Depends(database)]


async def current_user(database: Database, token: Annotated[str, Cookie(alias=SESSION_COOKIE)]) -> User:
    users = select(User).join(Session, Session.user_id == User.id)  # type: ignore[arg-type]
    user = (await database.exec(users.where(Session.token == unsign(token), Session.expires_at >= now()))).first()
    if user is None:
        raise HTTPException(401)
    return user


CurrentUser = Annotated[User, Depends(current_user)]


async def own_task(database: Database, user: CurrentUser, task_id: uuid.UUID) -> Task:
    task = (await database.exec(select(Task).where(Task.id == task_id, Task.user_id == user.id))).first()
    if task is None:
        raise HTTPException(404)
    return task


OwnTask = Annotated[Task, Depends(own_task)]
Title = Annotated[str, Form(min_length=1, max_length=255)]
Description = Annotated[str | None, Form(max_length=20_000)]
Status = Annotated[Literal["pending", "completed"], Form()]


@app.get("/")
async def task_list(request: Request, database: Database, user: CurrentUser) -> Response:
    own = select(Task).where(Task.user_id == user.id, Task.status == "pending")
    page = await database.exec(own.order_by(desc(Task.created_at), desc(Task.id)).limit(50))
    grouped = select(Task.status, func.count()).where(Task.user_id == user.id).group_by(Task.status)
    counts = {"pending": 0, "completed": 0, **dict((await database.exec(grouped)).all())}
    counts["all"] = sum(counts.values())
    context: dict[str, Any] = {"user": user, "tasks": page.all(), "counts": counts}
    return templates.TemplateResponse(request, "fastapi.html", context)


@app.post("/tasks/new/")
async def create(database: Database, user: CurrentUser, title: Title, description: Description = None) -> Response:
    database.add(Task(user_id=user.id, title=title, description=description))
    await database.commit()
    return RedirectResponse("/", 303)


@app.post("/tasks/{task_id}/status/")
async def set_status(database: Database, task: OwnTask, status: Status) -> Response:
    task.status, task.updated_at = status, now()
    await database.commit()
    return RedirectResponse("/", 303)


@app.post("/tasks/{task_id}/edit/")
async def edit(
    database: Database, task: OwnTask, title: Title, status: Status, description: Description = None
) -> Response:
    task.title, task.description, task.status, task.updated_at = title, description, status, now()
    await database.commit()
    return RedirectResponse("/", 303)


@app.post("/tasks/{task_id}/delete/")
async def delete(database: Database, task: OwnTask) -> Response:
    await database.delete(task)
    await database.commit()
    return RedirectResponse("/", 303)
