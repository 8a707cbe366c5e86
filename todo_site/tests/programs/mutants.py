"""Changes the code that keeps users apart in small ways, with mutmut, and lists each change that no test notices.

By default it takes the files that differ from the main branch, or that the last 20 commits touched, and at most
MAX_MUTANTS of their changes. ``--all`` takes every change. pyproject.toml names the changes that no test can notice.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

NOTICED = {"caught by type check", "timeout"}  # beside the killed, which are not listed
MAX_MUTANTS = int(os.environ.get("MAX_MUTANTS", "150"))
CONFIGURATION: dict[str, Any] = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]


def output(*command: str) -> str:
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, check=True).stdout


def changed_files() -> list[str]:
    """Return the files that differ from the main branch, or on it those of its last 20 commits."""
    base = subprocess.run(["git", "merge-base", "HEAD", "origin/main"], text=True, capture_output=True, check=False)
    commit = base.stdout.strip()
    if not commit or commit == output("git", "rev-parse", "HEAD").strip():
        commits = output("git", "rev-list", "--max-count=21", "HEAD").split()
        commit = commits[-1]
    return output("git", "diff", "--name-only", commit).split()


def mutated_files(paths: list[str]) -> list[str]:
    return [path for path in paths if any(fnmatch(path, pattern) for pattern in CONFIGURATION["only_mutate"])]


def change_of(mutant: str) -> str:
    """Return the line that a mutant adds, such as ``+ a = 2``; where it adds none, the one that it removes."""
    lines = re.findall(r"^[-+](?![-+]{2}).*", output("mutmut", "show", mutant), re.MULTILINE)
    added = [line for line in lines if line.startswith("+")]
    return " ".join(f"{line[0]} {line[1:].strip()}" for line in added or lines)


def choose(files: list[str], seed: int) -> list[str]:
    """Return the names of at most MAX_MUTANTS mutants of these files."""
    prefixes = tuple(f"{path.removesuffix('.py').replace('/', '.')}." for path in files)
    # An unknown name: mutmut generates the mutants and runs none.
    subprocess.run(["mutmut", "run", "none"], stdout=subprocess.DEVNULL, check=False)
    names = [line.strip().partition(":")[0] for line in output("mutmut", "results", "--all", "true").splitlines()]
    names = [name for name in names if name.startswith(prefixes)]
    return sorted(random.Random(seed).sample(names, min(len(names), MAX_MUTANTS)))


def main() -> int:
    """Return 1 if a change is not noticed and not explained."""
    is_complete, seed = "--all" in sys.argv, int(sys.argv[-1].partition("--seed=")[2] or 0)
    names: list[str] = []
    shutil.rmtree("mutants", ignore_errors=True)
    if not is_complete:
        files = mutated_files(changed_files())
        print(f"mutants of {', '.join(files) or 'no file: nothing that keeps users apart was changed'}", flush=True)
        names = choose(files, seed) if files else []
        if not names:
            return 0
    subprocess.run(["mutmut", "run", *names], check=True)
    listed = [line.strip().split(": ") for line in output("mutmut", "results").splitlines()]
    left = {name: status for name, status in listed if status not in NOTICED and (is_complete or name in names)}
    changes = {name: change_of(name) for name in left}
    explained = set(CONFIGURATION["explained"])
    unexplained = {name: change for name, change in changes.items() if change not in explained}
    for name, change in unexplained.items():
        print(f"{left[name]}: {name}\n    {change}")
    missing = sorted(explained - set(changes.values())) if is_complete else []
    for change in missing:
        print(f"explained, but not among the mutants: {change}")
    print(f"{len(names) or 'all'} mutants, {len(left)} not noticed, {len(unexplained)} of them not explained")
    return int(bool(unexplained or missing))


if __name__ == "__main__":
    raise SystemExit(main())
