"""`manage.py invite NAME`: the first owner of an instance, or any other person."""

import argparse
import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from labeling.actions.accounts import invite_person
from labeling.management.refusals import in_words
from labeling.models import OrganisationMember


class Command(BaseCommand):
    """Make an account without a password and print the link with which its owner chooses one."""

    help = __doc__ = (
        "Make an account and print a link, good once, with which its owner chooses a password. "
        "The first one to invite is yourself: manage.py invite NAME --role owner --organisation LAB"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whom, where and as what."""
        parser.add_argument("username", help="the name to sign in with")
        parser.add_argument("--organisation", default="Lab", help="made if it is new")
        parser.add_argument(
            "--role",
            default=OrganisationMember.Role.MEMBER,
            help="owner or manager may start campaigns; member (the default) waits to be added",
        )
        parser.add_argument("--email", default="")
        parser.add_argument("--json", action="store_true", help="one JSON object, for machines")

    @in_words()
    def handle(self, *args: Any, **options: Any) -> None:
        """Invite, and print the link."""
        person, path = invite_person(
            username=options["username"],
            organisation_name=options["organisation"],
            role=options["role"],
            email=options["email"],
            by=None,
        )
        link = f"{settings.BASE_URL}{path}"
        if options["json"]:
            self.stdout.write(json.dumps({"username": person.username, "link": link}))
        else:
            self.stdout.write(f"{person.username} chooses a password, once, at {link}")
