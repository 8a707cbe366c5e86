from __future__ import annotations

import logging
import traceback
from types import TracebackType
from typing import Any

type ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Formatter(logging.Formatter):
    """One line with the request's id, and for an error where it happened, but never what people typed.

    The message of an exception is left out: a database's says which row failed, titles and e-mail addresses included.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = getattr(getattr(record, "request", None), "id", "-")
        return super().format(record)

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  logging's name
        lines: list[str] = []
        error = ei[1]
        while error is not None:
            kind = f"{type(error).__module__}.{type(error).__qualname__}"
            state = getattr(error, "sqlstate", None)
            lines = [*traceback.format_tb(error.__traceback__), f"{kind} {state or ''}".rstrip(), *lines]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(line.rstrip("\n") for line in lines)
