import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from todo_site.ownership.operations import SyncOwnership


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0007_task_event_moves_to_journal"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    # The table stays as it is: only the app that it belongs to changes.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="JournalEntry",
                    fields=[
                        ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                        ("number", models.PositiveBigIntegerField(help_text="1, 2, 3 ... for each owner")),
                        (
                            "task_id",
                            models.UUIDField(help_text="no foreign key: the entry outlives its task", null=True),
                        ),
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
                        (
                            "batch",
                            models.UUIDField(help_text="shared by all entries that were made at once", null=True),
                        ),
                        ("undoes", models.UUIDField(help_text="the entry that this one reverts", null=True)),
                        ("hash", models.CharField(default="", help_text="see compute_hash()", max_length=64)),
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
                        "verbose_name": "history entry",
                        "verbose_name_plural": "history entries",
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
                                condition=models.Q(("verb", "delete")),
                                fields=["user", "-number"],
                                name="ix_task_event_trash",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("user", "number"), name="uq_task_event_number")
                        ],
                    },
                ),
                SyncOwnership(name="JournalEntry", previous=None, declaration={"version": 1, "journal": []}),
            ]
        )
    ]
