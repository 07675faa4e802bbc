"""`manage.py create_token USER --scope …`: an API token from the command line."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeling.actions.tokens import issue_token
from labeling.management.refusals import in_words
from labeling.models import Campaign, User
from labeling.models.tokens import SCOPES


class Command(BaseCommand):
    """Issue a token for a user and print it as the last word."""

    help = __doc__ = (
        "Issue an API token for a user. The token is the last word of the output and cannot be "
        "had again: "
        'curl -H "Authorization: Bearer $(python manage.py create_token NAME --scope read '
        "| awk 'END { print $NF }')\" …"
    )

    # They load every page, which takes longer than the rest.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whose token, and what it may do."""
        parser.add_argument("user", help="the sign-in name of the user it acts for")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            dest="scopes",
            metavar="SCOPE",
            help=f"what it may do: {', '.join(SCOPES)}; repeat it for several",
        )
        parser.add_argument(
            "--campaign",
            action="append",
            default=[],
            dest="campaigns",
            metavar="SLUG",
            help="narrow it to this campaign; repeat it for several (default: all of the user's)",
        )
        parser.add_argument("--name", default="", help="what it is for, to know it by")
        parser.add_argument("--json", action="store_true", help="one JSON object, for machines")

    @in_words()
    def handle(self, *args: Any, **options: Any) -> None:
        """Find the user and the campaigns, issue the token, print it."""
        user = _user(options["user"])
        token, text = issue_token(
            user=user,
            scopes=options["scopes"],
            by=None,
            name=options["name"],
            campaigns=[_campaign(user, slug) for slug in options["campaigns"]],
        )
        scopes = ", ".join(token.scopes)
        if options["json"]:
            answer = {
                "user": user.username,
                "scopes": token.scopes,
                "campaigns": options["campaigns"],
                "name": token.name,
                "token": text,
            }
            self.stdout.write(json.dumps(answer))
        else:
            self.stdout.write(f"A token for {user.username} ({scopes}), shown this once: {text}")


def _user(name: str) -> User:
    if (user := User.objects.filter(username=name).first()) is None:
        raise CommandError(f"There is no user called {name}.")
    if not user.is_active:
        raise CommandError(f"{name} may not sign in any more, so a token would do nothing.")
    return user


def _campaign(user: User, slug: str) -> Campaign:
    if (campaign := Campaign.objects.visible_to(user).filter(slug=slug).first()) is None:
        raise CommandError(f"{user.username} has no part in a campaign called {slug}.")
    return campaign
