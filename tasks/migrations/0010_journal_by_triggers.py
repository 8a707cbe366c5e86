from django.db import migrations

from todo_site.ownership.operations import SyncOwnership


class Migration(migrations.Migration):
    dependencies = [("tasks", "0009_pending_import"), ("journal", "0002_journal_by_triggers")]

    operations = [
        SyncOwnership(
            name="Task",
            previous={"version": 1, "journal": ["created_at", "description", "status", "title", "updated_at"]},
            declaration={"version": 2, "journal": ["description", "status", "title"], "read_only": False},
        ),
        SyncOwnership(
            name="PendingImport",
            previous={"version": 1, "journal": []},
            declaration={"version": 2, "journal": [], "read_only": False},
        ),
    ]
