import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from todo_site.ownership.operations import SyncOwnership


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0005_preferences"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=255)),
                ("packed", models.BinaryField(help_text="compressed by zlib")),
                ("at", models.DateTimeField(auto_now_add=True)),
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
                "db_table": "task_upload",
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["user"], name="ix_task_upload_user")],
            },
        ),
        SyncOwnership(name="Upload", previous=None, declaration={"version": 1, "journal": []}),
    ]
