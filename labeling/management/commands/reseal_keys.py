"""`manage.py reseal_keys`: bring every stored secret under the newest FIELD_ENCRYPTION_KEYS."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.actions.keys import reseal_keys
from labeling.management.refusals import in_words


class Command(BaseCommand):
    """Seal again, and say what could not be read."""

    help = (
        "Seal stored provider keys and second steps of sign-in again, under the first of "
        "FIELD_ENCRYPTION_KEYS. Afterwards the older ones may be taken out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """How to say it."""
        parser.add_argument("--json", action="store_true", help="one JSON object, for machines")

    @in_words()
    def handle(self, *args: Any, **options: Any) -> None:
        """Seal all of them again."""
        done = reseal_keys()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(done)))
        else:
            self.stdout.write(
                f"Sealed again: {done.endpoints:,} keys of endpoints and {done.sign_ins:,} second "
                "steps of sign-in."
            )
        if done.unreadable:
            raise CommandError(
                "No key opens these, so they stay as they are, and have to be entered again: "
                + ", ".join(done.unreadable)
            )
