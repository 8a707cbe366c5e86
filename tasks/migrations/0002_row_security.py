from django.db import migrations

from todo_site.ownership.row_level_security import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("tasks", "0001_initial")]

    operations = [EnableRowSecurity("Task")]
