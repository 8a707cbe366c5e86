from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0006_task_upload"),
    ]

    # The table stays as it is: only the app that it belongs to changes.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex(
                    model_name="taskevent",
                    name="ix_task_event_task",
                ),
                migrations.RemoveIndex(
                    model_name="taskevent",
                    name="ix_task_event_batch",
                ),
                migrations.RemoveIndex(
                    model_name="taskevent",
                    name="ix_task_event_trash",
                ),
                migrations.RemoveConstraint(
                    model_name="taskevent",
                    name="uq_task_event_number",
                ),
                migrations.DeleteModel(
                    name="TaskEvent",
                ),
            ]
        )
    ]
