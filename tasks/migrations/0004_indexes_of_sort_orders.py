from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("tasks", "0003_task_event"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["user", "-updated_at", "-id"], name="ix_task_user_changed"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index("user", Lower("title"), "id", name="ix_task_user_title"),
        ),
    ]
