from __future__ import annotations

import logging
from argparse import ArgumentParser
from typing import Any

import urllib3
from django.core.management.base import BaseCommand, CommandError

from todo_site.operations.canary import CanaryError, find_leaks
from todo_site.operations.models import CanaryFinding
from todo_site.operations.server_options import read_server_options

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Looks at every page of the site as each of two accounts of its own, for anything of the other's. What it finds"
        " makes /readyz answer 503 until an operator has looked and runs it with --clear."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="", help="the site's origin, as browsers see it (default: HOST and PORT)")
        parser.add_argument("--clear", action="store_true", help="forget what was found")

    def handle(self, *args: Any, url: str, clear: bool, **options: Any) -> None:
        if clear:
            n, _by_model = CanaryFinding.objects.all().delete()
            self.stdout.write(f"{n} findings forgotten.")
            return
        server = read_server_options()
        try:
            found = find_leaks(url.rstrip("/") or f"http://{server['host']}:{server['port']}")
        except (CanaryError, urllib3.exceptions.HTTPError) as error:
            raise CommandError(f"The canary cannot see: {error}") from error
        if found:
            CanaryFinding.objects.bulk_create(CanaryFinding(route=route) for route in found)
            for route in found:
                logger.critical("Canary: a page showed somebody else's rows", extra={"fields": {"path": route}})
            raise CommandError(f"Somebody else's rows were shown at: {', '.join(found)}. Take the site down.")
        self.stdout.write("Neither canary was shown anything of the other's.")
