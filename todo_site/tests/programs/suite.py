"""Runs the tests in parts: ``make test`` the ones that every change needs, ``make test-all`` all of them.

ONLY and SKIP choose parts by name; FULL=1 makes the long ones complete. The last line sums up what pytest reported.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parents[3]
CORES = os.cpu_count() or 1
FULL = bool(os.environ.get("FULL"))
SEED = int(os.environ.get("SEED") or random.randrange(2**32))
CLOSING_LINE = re.compile(r"^=+ ((?:\d+ \w+,? ?)+) in [\d.]+s.*=+$")


def folders(level: str) -> list[str]:
    """Return the folders of a level: unit, integration or e2e."""
    found = [*ROOT.glob(f"tasks/**/tests/{level}"), *ROOT.glob(f"todo_site/**/tests/{level}")]
    return sorted(str(folder.relative_to(ROOT)) for folder in found)


@dataclass
class Run:
    """What the commands of this run reported."""

    environment: dict[str, str]
    is_random: bool
    counts: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    part: str = ""

    def pytest(self, *arguments: str, database: str, processes: int = CORES, **environment: str) -> None:
        # One file is run by one process: what its tests share, such as a server, is started once.
        command = ["pytest", f"--database={database}", f"--numprocesses={processes}", "--dist=loadfile"]
        command += ["-p", "randomly", f"--randomly-seed={SEED}"] if self.is_random else ["--no-loadscope-reorder"]
        self.python(*command, *arguments, **environment)

    def python(self, module: str, *arguments: str, **environment: str) -> None:
        """Run a Python module, show its output and keep what pytest reports at the end."""
        command = [sys.executable, "-m", module, *arguments]
        with subprocess.Popen(
            command, cwd=ROOT, env=self.environment | environment, text=True, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            for line in process.stdout:
                print(line, end="", flush=True)
                if found := CLOSING_LINE.match(line):
                    self.counts.update({name: int(number) for number, name in re.findall(r"(\d+) (\w+)", found[1])})
                elif line.startswith("SKIPPED "):
                    self.skipped.append(f"{self.part}: {line.removeprefix('SKIPPED ').strip()}")
        if process.returncode:
            self.failed.append(self.part)


def unit(run: Run) -> None:
    run.pytest(*folders("unit"), database="sqlite")


def integration(run: Run) -> None:
    run.pytest(*folders("integration"), database="postgresql", processes=CORES + 1)


def e2e(run: Run) -> None:
    run.pytest(*folders("e2e"), database="postgresql", processes=CORES + 1)


def integration_and_e2e(run: Run) -> None:
    """Run both at once: e2e tests wait for browsers and servers while others compute."""
    run.pytest(*folders("integration"), *folders("e2e"), database="postgresql", processes=min(4, CORES + 1))


def unit_on_postgresql(run: Run) -> None:
    run.pytest(*folders("unit"), database="postgresql")


def integration_on_sqlite(run: Run) -> None:
    run.pytest(*folders("integration"), database="sqlite")


def thorough(run: Run) -> None:
    """Run the matrix of Better Auth set-ups, every page at each width, and long races."""
    run.pytest("--thorough", "-m", "thorough", database="postgresql", processes=min(4, CORES + 1))


def fuzz(run: Run) -> None:
    requests = os.environ.get("FUZZ_REQUESTS") or ("20000" if FULL else "2000")
    print(f"fuzzing with {requests} requests from FUZZ_SEED={SEED}", flush=True)
    file = "todo_site/tests/e2e/test_request_fuzzing.py"
    run.pytest(file, database="postgresql", processes=0, FUZZ_REQUESTS=requests, FUZZ_SEED=str(SEED))


def model(run: Run) -> None:
    """Run the model-based tests with many examples."""
    examples = os.environ.get("STATEFUL_EXAMPLES") or ("50" if FULL else "6")
    run.pytest("todo_site/tests/unit/test_model_based.py", database="sqlite", processes=0, STATEFUL_EXAMPLES=examples)


def layers(run: Run) -> None:
    run.python("todo_site.tests.programs.layers")


def mutants(run: Run) -> None:
    run.python("todo_site.tests.programs.mutants", *(["--all"] if FULL else [f"--seed={SEED}"]))


def coverage(run: Run) -> None:
    """Require tests of every branch of the code that keeps users apart, as listed in pyproject.toml."""
    run.python("coverage", "erase")
    for database in ("sqlite", "postgresql"):
        run.python("coverage", "run", "--append", "-m", "pytest", f"--database={database}", *folders("unit"))
    run.python("coverage", "report")


def sqlmap(run: Run) -> None:
    if shutil.which("sqlmap"):
        run.python("todo_site.tests.programs.sqlmap")
    else:
        run.skipped.append("sqlmap: needs sqlmap, which is not installed")


def screenshots(run: Run) -> None:
    run.python("todo_site.tests.programs.screenshots")


PARTS: dict[str, Callable[[Run], None]] = {
    "unit": unit,
    "integration": integration,
    "e2e": e2e,
    "unit-postgresql": unit_on_postgresql,
    "integration-sqlite": integration_on_sqlite,
    "thorough": thorough,
    "fuzz": fuzz,
    "model": model,
    "layers": layers,
    "coverage": coverage,
    "mutants": mutants,
    "sqlmap": sqlmap,
    "screenshots": screenshots,
}
TEST = ["unit", "integration", "e2e"]
ONLY_WHEN_FULL = ["coverage", "sqlmap", "screenshots"]


def chosen_parts(mode: str) -> list[str]:
    only, skip = (os.environ.get(name, "").replace(",", " ").split() for name in ("ONLY", "SKIP"))
    if unknown := {*only, *skip} - PARTS.keys():
        sys.exit(f"There is no part {', '.join(sorted(unknown))}. Parts: {', '.join(PARTS)}.")
    parts = TEST if mode == "test" else [part for part in PARTS if FULL or part not in ONLY_WHEN_FULL]
    return [part for part in only or parts if part not in skip]


def main() -> int:
    """Return 1 if a part failed."""
    mode = sys.argv[1]
    parts, begin = chosen_parts(mode), monotonic()
    with tempfile.TemporaryDirectory() as static:
        environment = {**os.environ, "TEST_STATIC_ROOT": static, "STATIC_ROOT": static}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        environment.pop("DATABASE_URL", None)
        environment.pop("ONLY", None)
        collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
        secret = {
            "SECRET_KEY": "only-for-tests",
            "BETTER_AUTH_SECRET": "only-for-tests",
            "DATABASE_URL": "sqlite://:memory:",
        }
        subprocess.run(collect, cwd=ROOT, env=environment | secret, check=True)
        run = Run(environment, is_random=mode == "all")
        for part in parts:
            together = {"integration", "e2e"} <= {*parts}
            if part == "e2e" and together:
                continue
            run.part = "integration, e2e" if part == "integration" and together else part
            print(f"\n{run.part}", flush=True)
            (integration_and_e2e if run.part == "integration, e2e" else PARTS[part])(run)
    report(run, parts, mode, monotonic() - begin)
    return int(bool(run.failed))


def report(run: Run, parts: list[str], mode: str, seconds: float) -> None:
    left_out = [part for part in PARTS if part not in parts]
    print()
    for line in run.skipped:
        print(f"skipped: {line}")
    if left_out:
        print(f"not run by this command: {', '.join(left_out)} (make test-all{' FULL=1' * (mode == 'all')})")
    if run.is_random:
        print(f"order and fuzzing from SEED={SEED}")
    if run.failed:
        print(f"failed: {', '.join(run.failed)}")
    counts = ", ".join(f"{number} {name}" for name, number in sorted(run.counts.items()) if name != "deselected")
    print(f"===== {counts or 'no tests'} in {seconds:.2f}s ({seconds // 60:.0f}:{seconds % 60:02.0f}) =====")


if __name__ == "__main__":
    raise SystemExit(main())
