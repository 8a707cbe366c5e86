from django.core.management.commands import makemigrations

from todo_site.ownership.autodetector import OwnershipAutodetector


class Command(makemigrations.Command):
    autodetector = OwnershipAutodetector  # the same in migrate, or Django's own check reports commands.E001
