"""Changes what the layers between people stand on in small ways, with mutmut, and names each that no test notices.

Those that nobody could notice are named in pyproject.toml, with the reason; one of these that is gone is named too.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

NOTICED = {"caught by type check", "timeout"}  # beside the killed, which are not listed


def mutmut(*arguments: str) -> str:
    return subprocess.run(["mutmut", *arguments], text=True, stdout=subprocess.PIPE, check=True).stdout


def change_of(mutant: str) -> str:
    """The line that came, such as ``+ a = 2``; where none did, the one that went."""
    lines = re.findall(r"^[-+](?![-+]{2}).*", mutmut("show", mutant), re.MULTILINE)
    came = [line for line in lines if line.startswith("+")]
    return " ".join(f"{line[0]} {line[1:].strip()}" for line in came or lines)


def main() -> int:
    """1 if a change goes unnoticed without an explanation."""
    explained = set(tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]["explained"])
    subprocess.run(["mutmut", "run"], check=True)
    listed = [line.strip().split(": ") for line in mutmut("results").splitlines()]
    left = {name: status for name, status in listed if status not in NOTICED}
    changes = {name: change_of(name) for name in left}
    for name, change in changes.items():
        if change not in explained:
            print(f"{left[name]}: {name}\n    {change}")
    for change in sorted(explained - set(changes.values())):
        print(f"explained, and not there: {change}")
    return int(explained != set(changes.values()))


if __name__ == "__main__":
    raise SystemExit(main())
