from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("better_auth", "0003_rate_limit_moves_to_web")]

    # The table stays as it is: only the app that it belongs to changes.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="RateLimitCounter",
                    fields=[
                        ("key", models.TextField(primary_key=True, serialize=False)),
                        ("count", models.IntegerField()),
                        ("expires_at", models.DateTimeField(db_index=True)),
                    ],
                    options={
                        "db_table": "rate_limit",
                    },
                ),
            ]
        )
    ]
