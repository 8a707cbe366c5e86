from copy import copy

from django.db import migrations, models


def alter(on_delete):
    """The admin's log refers to users: without a cascade, Better Auth could not delete a member of the staff."""

    def alter_field(apps, schema_editor):
        log_entry = apps.get_model("admin", "LogEntry")
        old = log_entry._meta.get_field("user")
        kinds = [old, copy(old)]
        for field, kind in zip(kinds, on_delete, strict=True):
            field.remote_field = copy(field.remote_field)
            field.remote_field.on_delete = kind
        schema_editor.alter_field(log_entry, *kinds)

    return alter_field


class Migration(migrations.Migration):
    dependencies = [
        ("better_auth", "0001_initial"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [
        migrations.RunPython(
            alter([models.CASCADE, models.DB_CASCADE]),
            alter([models.DB_CASCADE, models.CASCADE]),
        ),
    ]
