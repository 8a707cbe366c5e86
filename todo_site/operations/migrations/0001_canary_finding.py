import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("todo_site", "0002_canary_finding_moves_to_operations")]

    # The table stays as it is: only the app that it belongs to changes.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="CanaryFinding",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("found_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ("route", models.TextField()),
                    ],
                    options={
                        "db_table": "canary_finding",
                    },
                ),
            ]
        )
    ]
