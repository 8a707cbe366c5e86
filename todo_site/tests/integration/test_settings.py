from __future__ import annotations

from pathlib import Path

from todo_site.tests.management import manage


def test_migrates_past_the_pooler(tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/away",
        "DATABASE_URL_UNPOOLED": f"sqlite:///{tmp_path}/direct.sqlite3",
    }
    assert "Applying tasks.0001_initial... OK" in manage("migrate", environment=environment)
