from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from types import TracebackType

type ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON with the request's id and, for errors, the stack.

    Exception messages are left out: those of a database contain values of the failed row.
    """

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "request": getattr(getattr(record, "request", None), "id", None),
            "message": message_without_request_data(record) if record.name == "gunicorn.error" else record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and not is_rejected_request(record):
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  logging's name
        lines: list[str] = []
        seen: list[BaseException] = []
        error = ei[1]
        while error is not None and not any(error is other for other in seen):
            seen.append(error)
            kind = f"{type(error).__module__}.{type(error).__qualname__}"
            state = getattr(error, "sqlstate", None)
            lines = [*traceback.format_tb(error.__traceback__), f"{kind} {state or ''}".rstrip(), *lines]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(line.rstrip("\n") for line in lines)


def is_rejected_request(record: logging.LogRecord) -> bool:
    """Return whether the record reports a rejected request. With a stack for each, clients could fill the log."""
    return record.name.startswith("django.security.") or getattr(record, "status_code", 500) < 500


def message_without_request_data(record: logging.LogRecord) -> str:
    """Return gunicorn's message without the query string, the address and the header that it may quote."""
    message = record.getMessage()
    if message.startswith("Error handling request "):
        return message.partition("?")[0]
    if message.startswith("Invalid request from ip="):
        return "Invalid request"
    return message
