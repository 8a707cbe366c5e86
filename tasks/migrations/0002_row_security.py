from django.db import migrations

from tasks.row_security import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("tasks", "0001_initial")]

    operations = [EnableRowSecurity("Task")]
