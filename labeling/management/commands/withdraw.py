"""`manage.py withdraw CAMPAIGN JUDGMENT`: a judgment that counts no more."""

import argparse
import contextlib
import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from labeling import access
from labeling.actions.judgments import withdraw_judgment
from labeling.management.refusals import in_words
from labeling.models import Campaign, Judgment, User


class Command(BaseCommand):
    """Take a judgment out of every report and export, for a manager and with a reason."""

    help = __doc__ = (
        "Take a judgment out of every report and export. It stays in the database, with who "
        "withdrew it and why; its comparison is not asked again."
    )

    # They load every page, which takes longer than the rest.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Which judgment, who withdraws it, and why."""
        parser.add_argument("campaign", metavar="CAMPAIGN", help="its slug")
        parser.add_argument("judgment", metavar="JUDGMENT", help="judgment_id, as exports give it")
        parser.add_argument(
            "--by", required=True, metavar="USER", help="sign-in name of a manager of the campaign"
        )
        parser.add_argument("--reason", required=True, help="why, for the record")
        parser.add_argument("--json", action="store_true", help="one JSON object, for machines")

    @in_words()
    def handle(self, *args: Any, **options: Any) -> None:
        """Find the manager and the judgment, withdraw it, say so."""
        user = User.objects.filter(username=options["by"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no user called {options['by']}.")
        campaign = access.campaign_for_manager(user, options["campaign"])
        judgment = _judgment(campaign, options["judgment"])
        withdrawal = withdraw_judgment(judgment=judgment, by=user, reason=options["reason"])
        told = {
            "judgment": str(judgment.public_id),
            "withdrawn_at": withdrawal.created_at.isoformat(),
            "reason": withdrawal.reason,
        }
        if options["json"]:
            self.stdout.write(json.dumps(told))
        else:
            self.stdout.write(f"{judgment.public_id} counts no more: {withdrawal.reason}")


def _judgment(campaign: Campaign, named: str) -> Judgment:
    which = Q(external_id=named)
    with contextlib.suppress(ValueError):
        which |= Q(public_id=UUID(named))
    found = Judgment.objects.filter(which, campaign=campaign).first()
    if found is None:
        raise CommandError(f"There is no judgment {named} in {campaign.slug}.")
    return found
