"""Ids of tasks: derived from texts, and read from forms."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from contextlib import suppress

from django.utils.crypto import salted_hmac


def deterministic_uuid(owner: str, *parts: str) -> uuid.UUID:
    """Return the id of the owner's task for these texts. It is the same each time, and nobody else can compute it."""
    digest = salted_hmac("tasks.deterministic_uuid", json.dumps([owner, *parts]), algorithm="sha256").digest()
    return uuid.UUID(bytes=digest[:16], version=5)


def parse_uuid_or_create(text: str) -> uuid.UUID:
    """Return the id in a form. Return a new one if the form sent anything else."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid4()


def parse_uuids(texts: Iterable[str]) -> list[uuid.UUID]:
    """Return the ids among the texts. Other texts are ignored."""
    found = []
    for text in texts:
        with suppress(ValueError):
            found.append(uuid.UUID(text))
    return found
