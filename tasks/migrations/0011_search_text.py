import django.db.models.functions.text
from django.db import migrations, models

import tasks.task_list.search


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0010_journal_by_triggers"),
    ]

    operations = [
        migrations.AddField(
            model_name="task",
            name="search_text",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.text.Concat(
                    tasks.task_list.search.CaseAccentFold("title"),
                    models.Value("\n", models.TextField()),
                    tasks.task_list.search.CaseAccentFold("description"),
                ),
                output_field=models.TextField(),
            ),
        ),
    ]
