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
        "Request every page of the site with two test accounts, and check that neither is shown data of the other."
        " After a finding, /readyz returns 503 until an operator runs this command with --clear."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="", help="public origin of the site (default: from HOST and PORT)")
        parser.add_argument("--clear", action="store_true", help="clear all findings")

    def handle(self, *args: Any, url: str, clear: bool, **options: Any) -> None:
        if clear:
            n, _by_model = CanaryFinding.objects.all().delete()
            self.stdout.write(f"{n} findings cleared.")
            return
        server = read_server_options()
        try:
            found = find_leaks(url.rstrip("/") or f"http://{server['host']}:{server['port']}")
        except (CanaryError, urllib3.exceptions.HTTPError) as error:
            raise CommandError(f"The check could not be completed: {error}") from error
        if found:
            CanaryFinding.objects.bulk_create(CanaryFinding(route=route) for route in found)
            for route in found:
                logger.critical("Canary: a page showed data of another user", extra={"fields": {"path": route}})
            raise CommandError(f"Data of another user was shown at: {', '.join(found)}. Take the site offline.")
        self.stdout.write("No page showed data of the other account.")
