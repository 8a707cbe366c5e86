from django.db import migrations

from todo_site.ownership.operations import SyncOwnership


class Migration(migrations.Migration):
    dependencies = [("preferences", "0001_preferences"), ("journal", "0002_journal_by_triggers")]

    operations = [
        SyncOwnership(
            name="Preferences",
            previous={"version": 1, "journal": []},
            declaration={"version": 2, "journal": [], "read_only": False},
        )
    ]
