from __future__ import annotations

import os
from collections.abc import Callable
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from todo_site.better_auth.forms import SignUpForm
from todo_site.better_auth.models import User


class Command(BaseCommand):
    """Replace Django's command, which asks for a password only if the user model has a password column."""

    help = "Create an account with access to the admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", help="e-mail address")
        parser.add_argument("--name", help="name")
        parser.add_argument(
            "--noinput",
            "--no-input",
            action="store_false",
            dest="interactive",
            help="do not prompt; read the password from DJANGO_SUPERUSER_PASSWORD",
        )

    def handle(self, *args: Any, interactive: bool, **options: Any) -> None:
        answers = {
            "email": options["email"] or os.environ.get("DJANGO_SUPERUSER_EMAIL", ""),
            "name": options["name"] or os.environ.get("DJANGO_SUPERUSER_NAME", ""),
            "password": os.environ.get("DJANGO_SUPERUSER_PASSWORD", ""),
        }
        if interactive:
            ask: dict[str, Callable[[str], str]] = {"email": input, "name": input, "password": getpass}
            answers = {key: answer or ask[key](f"{key.capitalize()}: ") for key, answer in answers.items()}
        form = SignUpForm(answers)
        if not form.is_valid():
            raise CommandError("; ".join(f"{name}: {errors[0]}" for name, errors in form.errors.items()))
        if User.objects.filter(email=form.cleaned_data["email"]).exists():
            raise CommandError(
                "This e-mail address already has an account. For access to the admin: manage.py staff add EMAIL"
            )
        User.objects.create_superuser(**form.cleaned_data)
        self.stdout.write("Account created.")
