"""Search that ignores case and accents, on the fly: the same folding in Python, in SQLite and in PostgreSQL."""

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

# The combining diacritical marks, written so that Python and PostgreSQL both read it. Other marks are no accents: the
# vowels of Hindi and Thai are letters to those who write them.
MARKS = r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
ACCENTS = re.compile(MARKS)


def fold(text: str) -> str:
    """``text`` without case and accents: "CAFÉ" and "café" become "cafe"."""
    if text.isascii():
        return text.lower()
    plain = ACCENTS.sub("", unicodedata.normalize("NFKD", text)).lower()
    return plain.replace("ς", "σ").replace("ß", "ss")


@dataclass(frozen=True)
class Search:
    """What somebody searches for: as it was typed, as much of it as is searched for, and its fold words."""

    MAX_LENGTH: ClassVar = 200
    MAX_WORDS: ClassVar = 10

    typed: str
    text: str
    words: tuple[str, ...]
    is_cut: bool

    @classmethod
    def parse(cls, typed: str) -> Self:
        """Read any text whatever: no database takes NUL or half a surrogate pair, and neither can be typed."""
        typed = typed.encode(errors="replace").decode().replace("\0", " ").strip()
        pieces = typed[: cls.MAX_LENGTH].split()
        text = " ".join(pieces[: cls.MAX_WORDS])
        words = tuple(dict.fromkeys(fold(text).split()))
        is_cut = len(typed) > cls.MAX_LENGTH or len(pieces) > cls.MAX_WORDS or len(words) > cls.MAX_WORDS
        return cls(typed, text, words[: cls.MAX_WORDS], is_cut)

    @property
    def condition(self) -> Q:
        """That each word stands somewhere in the title or the description."""
        found = Q()
        for word in sorted(self.words, key=len, reverse=True):  # what is long is rare: most rows end at the first
            found &= contains("title", word) | contains("description", word)
        return found


def contains(field: str, word: str) -> Q:
    # Not LIKE: a position needs no escaping of signs that mean something.
    return Q(GreaterThan(StrIndex(CaseAccentFold(field), Value(word)), 0))


class CaseAccentFold(Func):
    """A text column, fold as ``fold()`` does it."""

    function = "FOLDED"
    arity = 1
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[Any, ...]]:
        text, params = compiler.compile(self.source_expressions[0])
        collation = connection.ops.quote_name(case_insensitive_collation(connection))
        bytewise = 'COLLATE "C"'
        plain = f"regexp_replace(normalize({text}, NFKD) {bytewise}, '{MARKS}', '', 'g')"
        plain = f"replace(replace(lower({plain} COLLATE {collation}) {bytewise}, 'ς', 'σ'), 'ß', 'ss')"
        is_ascii = f"octet_length({text}) = char_length({text})"  # such a text is fold in a tenth of the time
        return f"CASE WHEN {is_ascii} THEN lower({text} {bytewise}) ELSE {plain} END", (*params,) * 4


def case_insensitive_collation(connection: BaseDatabaseWrapper) -> str:
    """The collation of this PostgreSQL server whose lower() knows every alphabet.

    The database's own may know ASCII alone (C), or Turkish rules. Since version 17 each server has one built in.
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
    """A receiver of connection_created."""
    if connection.vendor == "sqlite":
        fold_or_null = lambda text: None if text is None else fold(text)  # noqa: E731
        connection.connection.create_function("FOLDED", 1, fold_or_null, deterministic=True)
