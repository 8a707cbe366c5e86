from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("better_auth", "0002_admin_log_cascade"),
    ]

    # The table stays as it is: only the app that it belongs to changes.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel(
                    name="RateLimit",
                ),
            ]
        )
    ]
