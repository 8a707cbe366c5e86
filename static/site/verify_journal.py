"""Check the journal in an export of your tasks, offline:

    python verify_journal.py tasks.json [HEAD]

Each entry carries a hash over itself and the hash of the entry before it, so none can be changed, taken out, put in or
moved unnoticed. HEAD is the hash of the newest entry as your history page shows it: without it, entries that are
missing at the end cannot be told from entries that never were. Needs nothing but Python.
"""

import hashlib
import json
import sys
from pathlib import Path


def check(entries: list[dict[str, object]], head: str | None) -> str:
    """Return what is wrong, or an empty string."""
    previous = ""
    for place, entry in enumerate(entries, 1):
        if entry.get("number") != place:
            return f"Entry {place} is not in its place: here stands number {entry.get('number')}."
        record = {name: value for name, value in entry.items() if name != "hash"}
        text = json.dumps({**record, "previous": previous}, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        if entry.get("hash") != previous:
            return f"Entry {place} was changed, or an entry before it was."
    if head and head != previous:
        return f"The newest entry is not the one of {head}: entries are missing at the end."
    return ""


def main() -> int:
    if len(sys.argv) not in {2, 3}:
        print(__doc__)
        return 2
    entries = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["journal"]
    wrong = check(entries, sys.argv[2] if len(sys.argv) == 3 else None)
    print(wrong or f"All {len(entries)} entries are as they were written.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
