"""Search that ignores case and accents. Python, SQLite and PostgreSQL fold text in the same way.

The database stores the folded text beside the task (Task.search_text), and a search reads it for all tasks of the
owner. Row-level security allows no index here: its filter comes first unless the condition of the search is leakproof,
and no text search is.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Q, TextField, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

# The combining diacritical marks, in a syntax that Python and PostgreSQL both read. Other marks are not accents: the
# vowels of Hindi and Thai are marks, too.
MARKS = r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
ACCENTS = re.compile(MARKS)


def fold(text: str) -> str:
    """Return the text without case and accents: "CAFÉ" and "café" become "cafe"."""
    if text.isascii():
        return text.lower()
    plain = ACCENTS.sub("", unicodedata.normalize("NFKD", text)).lower()
    return plain.replace("ς", "σ").replace("ß", "ss")


@dataclass(frozen=True)
class Search:
    """A search: the typed text, the part of it that is used, and the folded words."""

    MAX_LENGTH: ClassVar = 200
    MAX_WORDS: ClassVar = 10

    typed: str
    text: str
    words: tuple[str, ...]
    is_cut: bool

    @classmethod
    def parse(cls, typed: str) -> Self:
        """Parse any text. NUL and surrogates are replaced: no database accepts them."""
        typed = typed.encode(errors="replace").decode().replace("\0", " ").strip()
        pieces = typed[: cls.MAX_LENGTH].split()
        text = " ".join(pieces[: cls.MAX_WORDS])
        words = tuple(dict.fromkeys(fold(text).split()))
        is_cut = len(typed) > cls.MAX_LENGTH or len(pieces) > cls.MAX_WORDS or len(words) > cls.MAX_WORDS
        return cls(typed, text, words[: cls.MAX_WORDS], is_cut)

    @property
    def condition(self) -> Q:
        """The condition that the title or the description contains each word. Words have no line feed in them."""
        found = Q()
        for word in sorted(self.words, key=len, reverse=True):  # long words are rare: most rows fail at the first one
            found &= Q(GreaterThan(StrIndex("search_text", Value(word)), 0))  # not LIKE: it would need escaping
        return found


class CaseAccentFold(Func):
    """A text column, folded as fold() does.

    Task.search_text is stored in these words, by a migration: other SQL needs another class and another migration.
    """

    function = "FOLDED"
    arity = 1
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        text, params = compiler.compile(self.source_expressions[0])
        collation = connection.ops.quote_name(case_insensitive_collation(connection))
        bytewise = 'COLLATE "C"'
        plain = f"regexp_replace(normalize({text}, NFKD) {bytewise}, '{MARKS}', '', 'g')"
        plain = f"replace(replace(lower({plain} COLLATE {collation}) {bytewise}, 'ς', 'σ'), 'ß', 'ss')"
        is_ascii = f"octet_length({text}) = char_length({text})"  # ASCII takes a tenth of the time
        return f"CASE WHEN {is_ascii} THEN lower({text} {bytewise}) ELSE {plain} END", (*params,) * 4


def case_insensitive_collation(connection: BaseDatabaseWrapper) -> str:
    """Return a collation of this PostgreSQL server whose lower() handles every alphabet.

    The database's own collation may handle only ASCII (C), or use Turkish rules. Since version 17 one is built in.
    """
    if connection.pg_version >= 170000:  # type: ignore[attr-defined]
        return "pg_c_utf8"
    return "und-x-icu" if has_icu(connection.alias) else "default"


@cache
def has_icu(alias: str) -> bool:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu')")
        return bool(cursor.fetchone()[0])


def register_sqlite_functions(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Add fold() to a new SQLite connection. This is a receiver of connection_created."""
    if connection.vendor == "sqlite":
        fold_or_null = lambda text: None if text is None else fold(text)  # noqa: E731
        connection.connection.create_function("FOLDED", 1, fold_or_null, deterministic=True)
