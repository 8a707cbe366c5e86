from django.db import migrations

from todo_site.ownership.operations import SyncOwnership


class Migration(migrations.Migration):
    dependencies = [("tasks", "0001_initial")]

    operations = [
        SyncOwnership(
            name="Task",
            previous=None,
            declaration={"version": 1, "journal": ["created_at", "description", "status", "title", "updated_at"]},
        )
    ]
