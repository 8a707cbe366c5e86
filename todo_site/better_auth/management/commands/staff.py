from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from todo_site.better_auth.models import Staff, User


class Command(BaseCommand):
    help = "Add users to the staff, remove them, or list the staff. Staff have access to the admin."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for action, words in (("add", "give a user access to the admin"), ("remove", "remove this access")):
            actions.add_parser(action, help=words).add_argument("email")
        actions.add_parser("list", help="list the staff")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if action == "list":
            for member in Staff.objects.select_related("user").order_by("user__email"):
                self.stdout.write(f"{member.user.email}\t{member.added_at:%Y-%m-%d}")
            return
        email = options["email"].lower()
        user = User.objects.filter(email=email).first()
        if user is None:
            raise CommandError(f"There is no account with the e-mail address {email}. The user must sign up first.")
        if action == "add":
            Staff.objects.get_or_create(user=user)
            self.stdout.write(f"{email} has access to the admin.")
        else:
            Staff.objects.filter(user=user).delete()
            self.stdout.write(f"{email} has no access to the admin.")
