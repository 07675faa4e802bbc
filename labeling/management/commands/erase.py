"""`manage.py erase USERNAME`: remove a person, and leave what they judged whole."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.actions.erasure import erase_person
from labeling.management.refusals import in_words
from labeling.models import User


class Command(BaseCommand):
    """Ask once more, erase, and say what is gone."""

    help = "Erase a person: account, mail, roles, cases and what they said of themselves."

    def add_arguments(self, parser: CommandParser) -> None:
        """The person, and that it is meant."""
        parser.add_argument("username")
        parser.add_argument("--yes", action="store_true", help="do not ask once more")
        parser.add_argument("--json", action="store_true", help="say it for machines")

    @in_words()
    def handle(self, *args: Any, **options: Any) -> None:
        """Erase the person."""
        person = User.objects.filter(username=options["username"]).first()
        if person is None:
            raise CommandError(f"Nobody signs in as {options['username']}.")
        if not options["yes"]:
            said = input(f"Erase {person.label} for good? Type the sign-in name to go on: ")
            if said != person.username:
                raise CommandError("Nothing was erased.")
        gone = erase_person(person=person, by=None)
        if options["json"]:
            self.stdout.write(json.dumps(gone))
            return
        for name, count in gone.items():
            self.stdout.write(f"{count:>8,}  {name}")
