from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.crypto import get_random_string

from tasks.models import Task

TASKS = [
    ("Buy milk, bread and a lemon", None),
    ("Answer Ms Okafor about the flat", "She asked if 1 March suits us.\nhttps://example.org/flat/17"),
    ("Renew the library card", None),
    ("Book the train to Leipzig", "Friday after four, back on Sunday evening.\nWindow seat, please."),
    ("Water the tomatoes on the balcony", None),
    ("Back up the photos", "Both disks. Take one of them to the office."),
    ("Call the dentist", None),
    ("Read chapter 4 before Tuesday", None),
    ("Fix the rear light of the bicycle", "The bulb is fine. Check the cable under the saddle."),
    ("Write a speech for Grandma's 90th birthday", None),
]
DONE = [("Pay the electricity bill", None), ("Return the drill to Ahmed", None), ("Plan the week", None)]


class Command(BaseCommand):
    help = "Add an account with sample tasks, and print its e-mail address and password."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        email = f"demo-{get_random_string(6).lower()}@example.org"
        password = secrets.token_urlsafe(12)
        users: Any = get_user_model().objects
        user = users.create_user(email, password, "Demo")
        tasks = Task.objects.for_user(user.id)
        for title, description in reversed(TASKS):
            tasks.create(title=title, description=description)
        for title, description in DONE:
            tasks.create(title=title, description=description, status=Task.Status.COMPLETED)
        self.stdout.write(f"E-mail    {email}\nPassword  {password}")
