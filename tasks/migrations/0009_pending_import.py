from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tasks", "0008_preferences_move_to_preferences")]

    # The table stays as it is: only the model's name changes.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel(old_name="Upload", new_name="PendingImport"),
                migrations.AlterModelOptions(
                    name="pendingimport",
                    options={
                        "base_manager_name": "objects",
                        "verbose_name": "file to import",
                        "verbose_name_plural": "files to import",
                    },
                ),
            ]
        )
    ]
