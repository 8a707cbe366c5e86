from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management import call_command


class PytestRunner:
    """``manage.py test [ARGUMENTS]``: the suite under pytest, on SQLite and on PostgreSQL.

    With DATABASE_URL in the environment it runs on that database only. Further arguments go to pytest as they are.
    """

    def __init__(self, verbosity: int = 1, failfast: bool = False, **kwargs: Any) -> None:
        # Whole files to each process: what a file sets up, such as a server, is set up once.
        parallel = ["--dist=loadfile", "--no-loadscope-reorder"]
        self.options = parallel + ["-q"] * (verbosity < 1) + ["-v"] * (verbosity > 1) + ["--exitfirst"] * failfast

    def run_tests(self, test_labels: Iterable[str], **kwargs: Any) -> int:
        """Run the tests; return the number of databases on which something failed."""
        databases = ["the database of DATABASE_URL"] if "DATABASE_URL" in os.environ else ["sqlite", "postgresql"]
        with tempfile.TemporaryDirectory() as static:
            settings.STATIC_ROOT = static
            call_command("collectstatic", interactive=False, verbosity=0)
            arguments = [*self.options, *test_labels]
            return sum(bool(self.run_on(database, arguments, static)) for database in databases)

    def run_on(self, database: str, arguments: list[str], static: str) -> int:
        print(f"\nTests on {database}", flush=True)
        # On SQLite there are browsers to wait for; on PostgreSQL some tests are about time.
        processes = min(4, (os.cpu_count() or 1) + (database != "postgresql"))
        arguments = [f"--numprocesses={processes}", *arguments]
        environment = {**os.environ, "TEST_DATABASE": database, "TEST_STATIC_ROOT": static}
        return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=environment, check=False).returncode
