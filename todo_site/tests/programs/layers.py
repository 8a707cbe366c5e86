"""Removes each isolation layer in turn from the tests that cover it, and fails where none of them notices.

Run it with ``make test-all ONLY=layers``.
"""

from __future__ import annotations

import re
import subprocess
import sys

# Each layer, and the tests that must fail without it.
LAYERS = {
    "view": "tasks/task_list/tests/unit/test_list_page.py",
    "manager": "todo_site/ownership/tests/unit/test_manager_reads.py",
    "base manager": "todo_site/ownership/tests/unit/test_checks.py",
    "system check": "todo_site/ownership/tests/unit/test_checks.py",
    "foreign key": "todo_site/journal/tests/unit/test_entries.py",
    "policy": "todo_site/ownership/tests/integration/test_row_level_security.py",
}


def main() -> int:
    """Return 1 if the tests do not notice that a layer is missing."""
    unnoticed = 0
    for layer, tests in LAYERS.items():
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "--show-capture=no", "--database=postgresql", tests]
        done = subprocess.run([*command, f"--without-layer={layer}"], text=True, capture_output=True, check=False)
        failed = re.findall(r"^FAILED \S+?::(.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
        print(f"without the {layer}: {len(failed)} tests of {tests} fail, such as {', '.join(failed[:2]) or 'none'}")
        unnoticed += not failed
    return min(unnoticed, 1)


if __name__ == "__main__":
    raise SystemExit(main())
