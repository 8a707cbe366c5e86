"""The older backend's table ``task`` in each of its shapes, made and filled by SQLModel and Alembic themselves."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

# The ids of users: Better Auth's own kind, and the other that it makes. The last two have no account.
ALICE = "OIwqAlice00000000000000000000001"
BOB = "6f1c2b7e-0d0a-4c56-9d57-0f4f8f9a3c11"
CAROL = "OIwqCarol00000000000000000000003"
GONE = "OIwqGone000000000000000000000009"

START = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)


class State(enum.Enum):
    pending = "pending"
    completed = "completed"
    archived = "archived"


class UpperState(enum.Enum):
    PENDING = "pending"
    COMPLETED = "completed"


def users(metadata: sa.MetaData) -> None:
    """What a foreign key of the older backend refers to."""
    sa.Table("user", metadata, sa.Column("id", sa.Text, primary_key=True))


def aware() -> Any:
    return sa.DateTime(timezone=True)


class NativeBase(SQLModel, registry=registry()):
    pass


class Native(NativeBase, table=True):
    """A native ENUM, a foreign key that forbids to delete an account, an index of its own name."""

    __tablename__ = "task"
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    title: str = Field(index=True)
    description: str | None = None
    status: State = Field(sa_type=sa.Enum(State, name="taskstatus"), sa_column_kwargs={"index": True})
    created_at: datetime = Field(sa_type=aware())
    updated_at: datetime = Field(sa_type=aware())


class CheckedBase(SQLModel, registry=registry()):
    pass


class Checked(CheckedBase, table=True):
    """A varchar with a CHECK, and no foreign key."""

    __tablename__ = "task"
    __table_args__ = (sa.Index("ix_task_user_status", "user_id", "status"),)
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    user_id: str = Field(index=True, max_length=64)
    title: str
    description: str | None = None
    status: State = Field(sa_type=sa.Enum(State, native_enum=False, create_constraint=True, name="chk_task_status"))
    created_at: datetime = Field(sa_type=aware())
    updated_at: datetime = Field(sa_type=aware())


class NaiveBase(SQLModel, registry=registry()):
    pass


class Naive(NaiveBase, table=True):
    """Times without a zone, and an ENUM whose labels are the names of the members."""

    __tablename__ = "task"
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    user_id: str = Field(index=True)
    title: str
    description: str | None = None
    status: UpperState = UpperState.PENDING
    created_at: datetime = Field(sa_type=sa.DateTime)
    updated_at: datetime | None = Field(default=None, sa_type=sa.DateTime)


class BooleanBase(SQLModel, registry=registry()):
    pass


class Boolean(BooleanBase, table=True):
    """``complete`` instead of a state, and the owner as a uuid."""

    __tablename__ = "task"
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    user_id: uuid.UUID = Field(index=True)
    title: str
    description: str | None = None
    complete: bool = False
    created_at: datetime = Field(sa_type=sa.DateTime)


class NumberedBase(SQLModel, registry=registry()):
    pass


class Numbered(NumberedBase, table=True):
    """``complete``, and ids that a sequence makes."""

    __tablename__ = "task"
    id: int | None = Field(default=None, primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True, ondelete="CASCADE")
    title: str
    description: str | None = None
    complete: bool = False
    created_at: datetime = Field(sa_type=aware())
    updated_at: datetime = Field(sa_type=aware())


for base in (NativeBase, NumberedBase):
    users(base.metadata)

ALEMBICS_TABLE = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

def upgrade():
    op.create_table(
        "task",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("status", sa.String(16), nullable=False, server_default="pending"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_task_user", ondelete="CASCADE"),
        sa.CheckConstraint("status IN ('pending', 'completed')", name="chk_task_status"),
        sa.CheckConstraint("length(trim(title)) > 0", name="chk_task_title_not_empty"),
    )
    op.create_index("ix_task_user_id", "task", ["user_id"])
    op.create_index("ix_task_user_status", "task", ["user_id", "status"])
"""

ALEMBICS_ENVIRONMENT = """
from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection)
with context.begin_transaction():
    context.run_migrations()
"""


@dataclass(frozen=True)
class Shape:
    """A way in which the older backend's table may look."""

    model: type[SQLModel] | None  # None: Alembic's
    owners: Sequence[str]
    titles: Sequence[str]
    states: Sequence[str]
    user_id_type: str = "text"


UNUSUAL_TITLES = [
    "Milk",
    "",
    " \u00a0\t",
    "\u200b\ufeff",
    "x" * 300,
    " " * 255 + "late",
    "🧑‍🚀 'quo\"ted' %s {} \\ \u202eabc\n2",
]
PLAIN_TITLES = ["Milk", "🧑‍🚀 'quo\"ted' %s {} \\", "y" * 255]
TWO = ["pending", "completed"]
SHAPES = {
    "native ENUM": Shape(Native, [ALICE, BOB], UNUSUAL_TITLES, [*TWO, "archived"]),
    "varchar with CHECK": Shape(Checked, [ALICE, BOB, CAROL, GONE], UNUSUAL_TITLES, [*TWO, "archived"]),
    "names, naive times": Shape(Naive, [ALICE, BOB, GONE], UNUSUAL_TITLES, TWO),
    "names, users by uuid": Shape(Naive, [BOB, GONE], UNUSUAL_TITLES, TWO, user_id_type="uuid"),
    "boolean and uuid": Shape(Boolean, [BOB, str(uuid.UUID(int=9))], UNUSUAL_TITLES, TWO),
    "boolean and integer": Shape(Numbered, [ALICE, BOB], UNUSUAL_TITLES, TWO),
    "Alembic": Shape(None, [ALICE, BOB], PLAIN_TITLES, TWO),
}
# SQLite keeps a uuid without its dashes, so an owner there would be nobody that Better Auth knows.
ON_SQLITE = ["varchar with CHECK", "names, naive times", "boolean and integer", "Alembic"]


@contextmanager
def engine(url: str) -> Iterator[sa.Engine]:
    made = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        yield made
    finally:
        made.dispose()


def make(shape: Shape, url: str, folder: Path) -> None:
    """Make the table as the older backend did: SQLModel from its class, Alembic by a migration."""
    with engine(url) as database, database.begin() as connection:
        if shape.model:
            shape.model.metadata.create_all(connection)
        else:
            (folder / "versions").mkdir(parents=True)
            (folder / "env.py").write_text(ALEMBICS_ENVIRONMENT)
            (folder / "versions" / "0001_task.py").write_text(ALEMBICS_TABLE)
            command.upgrade(alembic_on(connection, folder), "head")


def alembic_on(connection: sa.Connection, folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def combinations(shape: Shape) -> list[dict[str, Any]]:
    """A row for every owner, title and state, every third one without a description."""
    kinds = [(owner, title, state) for owner in shape.owners for title in shape.titles for state in shape.states]
    return [
        {
            "user_id": owner,
            "title": title,
            "description": [None, "", "Two\r\nlines, 'quoted'"][n % 3],
            "state": state,
            "created_at": START + timedelta(days=n),
            "updated_at": START + timedelta(days=n, microseconds=1),
        }
        for n, (owner, title, state) in enumerate(kinds)
    ]


def fill(shape: Shape, url: str, rows: list[dict[str, Any]]) -> None:
    with engine(url) as database, database.begin() as connection:
        table = (
            shape.model.metadata.tables["task"]
            if shape.model
            else sa.Table("task", sa.MetaData(), autoload_with=database)
        )
        connection.execute(sa.insert(table), [fitted(row, table) for row in rows])


def fitted(row: dict[str, Any], table: sa.Table) -> dict[str, Any]:
    """A row of combinations() in the columns and types of this table."""
    columns = table.columns
    values = {**row, "id": uuid.uuid4(), "status": row["state"], "complete": row["state"] == "completed"}
    if isinstance(columns["id"].type, sa.Integer):
        del values["id"]
    elif not isinstance(columns["id"].type, sa.Uuid):  # as SQLite tells of it
        values["id"] = uuid.uuid4().hex
    if isinstance(columns["user_id"].type, sa.Uuid):
        values["user_id"] = uuid.UUID(row["user_id"])
    if "status" in columns and isinstance(columns["status"].type, sa.Enum):
        kind = columns["status"].type.enum_class
        assert kind is not None
        values["status"] = kind(row["state"])
    if not getattr(columns["created_at"].type, "timezone", True):
        values |= {name: row[name].replace(tzinfo=None) for name in ("created_at", "updated_at")}
    return {name: value for name, value in values.items() if name in columns}
