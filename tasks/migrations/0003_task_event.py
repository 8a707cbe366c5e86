import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import todo_site.ownership.fields
from todo_site.journal.triggers import MakeAppendOnly
from todo_site.ownership.operations import SyncOwnership


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0002_row_security"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # How the times are set is the model's business; the columns stay as they are.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="task",
                    name="created_at",
                    field=todo_site.ownership.fields.AutoTimestampField(
                        auto_now_add=True, db_default=django.db.models.functions.datetime.Now(), verbose_name="created"
                    ),
                ),
                migrations.AlterField(
                    model_name="task",
                    name="updated_at",
                    field=todo_site.ownership.fields.AutoTimestampField(
                        auto_now=True, db_default=django.db.models.functions.datetime.Now(), verbose_name="changed"
                    ),
                ),
            ]
        ),
        migrations.CreateModel(
            name="TaskEvent",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveBigIntegerField(help_text="1, 2, 3 ... for each owner")),
                ("task_id", models.UUIDField(help_text="no foreign key: the entry outlives its task", null=True)),
                (
                    "verb",
                    models.CharField(
                        choices=[
                            ("create", "Added"),
                            ("import", "Imported"),
                            ("edit", "Edited"),
                            ("complete", "Completed"),
                            ("reopen", "Reopened"),
                            ("delete", "Deleted"),
                            ("restore", "Restored"),
                            ("look", "Viewed by staff"),
                            ("erase", "Erased"),
                        ],
                        max_length=16,
                    ),
                ),
                ("changes", models.JSONField(default=dict, help_text="field: [from, to]")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("staff", models.CharField(default="", help_text="who, if not the owner", max_length=255)),
                ("reason", models.CharField(default="", max_length=500)),
                ("request_id", models.CharField(default="", max_length=64)),
                ("batch", models.UUIDField(help_text="shared by all entries that were made at once", null=True)),
                ("undoes", models.UUIDField(help_text="the entry that this one reverts", null=True)),
                ("hash", models.CharField(default="", help_text="see sealed_after()", max_length=64)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "db_table": "task_event",
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["user", "task_id", "-number"], name="ix_task_event_task"),
                    models.Index(
                        condition=models.Q(("batch__isnull", False)),
                        fields=["user", "batch"],
                        name="ix_task_event_batch",
                    ),
                    models.Index(
                        condition=models.Q(("verb", "delete")), fields=["user", "-number"], name="ix_task_event_trash"
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("user", "number"), name="uq_task_event_number")],
            },
        ),
        MakeAppendOnly(),
        SyncOwnership(name="TaskEvent", previous=None, declaration={"version": 1, "journal": []}),
    ]
