import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from todo_site.ownership.operations import SyncOwnership


class Migration(migrations.Migration):
    dependencies = [
        ("better_auth", "0002_admin_log_cascade"),
        ("tasks", "0004_indexes_of_sort_orders"),
    ]

    operations = [
        migrations.CreateModel(
            name="Preferences",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        editable=False,
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                ("time_zone", models.CharField(blank=True, db_default="", default="", max_length=64)),
                (
                    "theme",
                    models.CharField(
                        choices=[("device", "System default"), ("light", "Light"), ("dark", "Dark")],
                        db_default="device",
                        default="device",
                        max_length=16,
                    ),
                ),
                (
                    "density",
                    models.CharField(
                        choices=[("comfortable", "Comfortable"), ("compact", "Compact")],
                        db_default="comfortable",
                        default="comfortable",
                        max_length=16,
                    ),
                ),
                ("shortcuts", models.BooleanField(db_default=True, default=True)),
                ("language", models.CharField(blank=True, db_default="", default="", max_length=16)),
            ],
            options={
                "verbose_name": "preferences",
                "verbose_name_plural": "preferences",
                "db_table": "preferences",
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("theme__in", ["device", "light", "dark"])),
                        name="chk_preferences_theme",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("density__in", ["comfortable", "compact"])),
                        name="chk_preferences_density",
                    ),
                ],
            },
        ),
        SyncOwnership(name="Preferences", previous=None, declaration={"version": 1, "journal": []}),
    ]
