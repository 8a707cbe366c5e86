from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("todo_site", "0001_canary_finding"),
    ]

    # The table stays as it is: only the app that it belongs to changes.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel(
                    name="CanaryFinding",
                ),
            ]
        )
    ]
