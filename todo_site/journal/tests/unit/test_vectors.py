"""The canonical form: worked entries with their bytes, for the script and for PostgreSQL's functions.

SQLite builds the same bytes inside its triggers: the script verifies what they write in the other tests.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from todo_site.journal.tests.chain import VERIFY

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors.json").read_text(encoding="utf-8"))[
    "vectors"
]
EACH = pytest.mark.parametrize("vector", VECTORS, ids=[vector["shows"] for vector in VECTORS])


def netstrings(values: list[Any]) -> str:
    return b"".join(map(VERIFY["netstring"], values)).decode()


@EACH
def test_the_script_builds_the_same_bytes(vector: dict[str, Any]) -> None:
    entry, previous = vector["entry"], vector["previous"]
    names = sorted(entry["changes"], key=str.encode)
    parts = [entry["salt"], *(part for name in names for part in (name, *entry["changes"][name]))]
    assert netstrings(parts) == vector["fields"]
    assert netstrings([previous, *(entry[name] for name in VERIFY["HEADER"])]) == vector["header"]
    assert VERIFY["fields_hash_of"](entry) == entry["fields_hash"]
    assert VERIFY["hash_of"](entry, previous) == entry["hash"]


@EACH
@pytest.mark.postgresql
@pytest.mark.django_db
def test_postgresql_builds_the_same_bytes(vector: dict[str, Any]) -> None:
    entry = vector["entry"]
    casts = ("smallint", "uuid", "text", "bigint", "text", "uuid", "text", "timestamptz", *["text"] * 3, "uuid", "uuid")
    header = ", ".join(f"%s::{cast}" for cast in (*casts, "text"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT journal_netstring(%s::text) || journal_fields(%s::jsonb),"
            " journal_fields_hash(%s::uuid, %s::jsonb),"
            f" journal_netstring(%s) || journal_header({header})",
            [
                *(entry["salt"], json.dumps(entry["changes"])) * 2,
                vector["previous"],
                *(entry[name] for name in VERIFY["HEADER"]),
            ],
        )
        fields, fields_hash, text = cursor.fetchone()
    assert (fields, fields_hash, text) == (vector["fields"], entry["fields_hash"], vector["header"])


@pytest.mark.postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("value", ['{"a": "b"}', "[1]", '["a", null]', '[["a"]]'])
def test_postgresql_refuses_other_json(value: str) -> None:
    from django.db import DatabaseError

    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="only a list of texts"):
        cursor.execute("SELECT journal_text(%s::jsonb)", [value])
