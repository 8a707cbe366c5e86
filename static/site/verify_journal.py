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


def check(entries: list[dict[str, object]], head: str | None) -> str:
    """Return an error message, or an empty string if all entries are valid."""
    previous = ""
    for place, entry in enumerate(entries, 1):
        if entry.get("number") != place:
            return f"Entry {place} is missing or moved: found number {entry.get('number')}."
        record = {name: value for name, value in entry.items() if name != "hash"}
        text = json.dumps({**record, "previous": previous}, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        if entry.get("hash") != previous:
            return f"Entry {place} or an earlier entry was changed."
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
