from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0007_task_event_moves_to_journal"),
    ]

    # The table stays as it is: only the app that it belongs to changes.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint(
                    model_name="preferences",
                    name="chk_preferences_theme",
                ),
                migrations.RemoveConstraint(
                    model_name="preferences",
                    name="chk_preferences_density",
                ),
                migrations.DeleteModel(
                    name="Preferences",
                ),
            ]
        )
    ]
