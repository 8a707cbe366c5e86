"""Verify the history in a JSON export of your tasks, offline:

    python verify_journal.py tasks.json [HEAD]

Each entry contains a hash of itself and of the previous entry, so a changed, removed, inserted or moved entry is
detected. HEAD is the newest hash from your history page. Without it, entries missing at the end cannot be detected.
Needs only Python.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

type Entry = dict[str, Any]

# What the hash of an entry covers after the previous hash. An entry without "form" is of the first form.
HEADER = (
    *("form", "id", "user_id", "number", "table_name", "task_id", "verb", "at", "staff", "reason", "request_id"),
    *("batch", "undoes", "fields_hash"),
)


def netstring(value: object) -> bytes:
    """Return "<bytes>:<text>,". No value is "~", and a list ends with "]" in place of the comma."""
    if value is None:
        return b"~"
    if isinstance(value, list):
        items = b"".join(map(netstring, value))
        return b"%d:%s]" % (len(items), items)
    text = str(value).encode()
    return b"%d:%s," % (len(text), text)


def sha256(parts: list[object]) -> str:
    return hashlib.sha256(b"".join(map(netstring, parts))).hexdigest()


def hash_of(entry: Entry, previous: str) -> str:
    if "form" not in entry:
        record = {name: value for name, value in entry.items() if name != "hash"}
        text = json.dumps({**record, "previous": previous}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
    return sha256([previous, *(entry[name] for name in HEADER)])


def fields_hash_of(entry: Entry) -> str:
    names = sorted(entry["changes"], key=str.encode)
    return sha256([entry["salt"], *(part for name in names for part in (name, *entry["changes"][name]))])


def is_valid(entry: Entry, previous: str) -> bool:
    fields_are_valid = "form" not in entry or entry.get("fields_hash") == fields_hash_of(entry)
    return fields_are_valid and entry.get("hash") == hash_of(entry, previous)


def check(entries: list[Entry], head: str | None) -> str:
    """Return an error message, or an empty string if all entries are valid."""
    previous = ""
    for place, entry in enumerate(entries, 1):
        if entry.get("number") != place:
            return f"Entry {place} is missing or moved: found number {entry.get('number')}."
        try:
            valid = is_valid(entry, previous)
        except (KeyError, TypeError, ValueError, AttributeError):  # of another shape
            valid = False
        if not valid:
            return f"Entry {place} or an earlier entry was changed."
        previous = entry["hash"]
    if head and head != previous:
        return f"The newest hash is not {head}: entries are missing at the end."
    return ""


def main() -> int:
    if len(sys.argv) not in {2, 3}:
        print(__doc__)
        return 2
    entries = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["journal"]
    wrong = check(entries, sys.argv[2] if len(sys.argv) == 3 else None)
    print(wrong or f"All {len(entries)} entries are valid.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
