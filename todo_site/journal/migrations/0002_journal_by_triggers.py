import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from todo_site.journal.operations import AddLastingField, InstallJournal
from todo_site.ownership.operations import SyncOwnership


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("journal", "0001_journal_entry"),
    ]

    operations = [
        migrations.CreateModel(
            name="JournalHead",
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
                ("number", models.PositiveBigIntegerField()),
                ("hash", models.CharField(max_length=64)),
                ("version", models.PositiveBigIntegerField(db_default=0, default=0)),
            ],
            options={
                "db_table": "journal_head",
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        AddLastingField(
            model_name="journalentry",
            name="table_name",
            field=models.CharField(db_default="task", default="task", help_text="of the changed row", max_length=63),
        ),
        AddLastingField(
            model_name="journalentry",
            name="form",
            field=models.PositiveSmallIntegerField(db_default=1, default=1, help_text="which canonical form is hashed"),
        ),
        AddLastingField(
            model_name="journalentry",
            name="salt",
            field=models.UUIDField(help_text="random; hashed with the changes", null=True),
        ),
        AddLastingField(
            model_name="journalentry",
            name="fields_hash",
            field=models.CharField(db_default="", default="", help_text="hash of salt and changes", max_length=64),
        ),
        migrations.AlterField(
            model_name="journalentry",
            name="task_id",
            field=models.UUIDField(
                help_text="of the changed row; no foreign key: the entry outlives its row", null=True
            ),
        ),
        migrations.AlterField(
            model_name="journalentry",
            name="batch",
            field=models.UUIDField(help_text="the action: shared by all entries that were made at once", null=True),
        ),
        migrations.AlterField(
            model_name="journalentry",
            name="undoes",
            field=models.UUIDField(help_text="the entry or the action that this one reverts", null=True),
        ),
        migrations.AlterField(
            model_name="journalentry",
            name="hash",
            field=models.CharField(default="", help_text="hash of the entry and of the previous hash", max_length=64),
        ),
        InstallJournal(),
        SyncOwnership(
            name="JournalEntry",
            previous={"version": 1, "journal": []},
            declaration={"version": 2, "journal": [], "read_only": True},
        ),
        SyncOwnership(
            name="JournalHead",
            previous=None,
            declaration={"version": 2, "journal": [], "read_only": True},
        ),
    ]
