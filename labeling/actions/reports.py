"""Keep a campaign's numbers, once for each state of its judgments."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from labeling import notify
from labeling.actions.turns import turn
from labeling.models import Campaign, Report
from labeling.policy import read_policy

# Older ones say what the numbers were a moment ago; snapshots keep what must be kept.
KEPT = 20
# The first half of the advisory lock's key: "rept". The second half is the campaign.
_LOCK_SPACE = 0x72657074


@transaction.atomic(durable=True)
def record_report(
    *,
    campaign: Campaign,
    event_count: int,
    judgment_count: int,
    through_judgment: UUID | None,
    method_version: str,
    body: dict[str, Any],
    computed_at: datetime,
) -> Report:
    """The report of this number of events under this method: stored now, or found from before.

    `computed_at` is the database's time when its columns were read; with `created_at`, when it
    was stored, it tells what the report cost.
    """
    report, is_new = Report.objects.get_or_create(
        campaign=campaign,
        event_count=event_count,
        method_version=method_version,
        defaults={
            "judgment_count": judgment_count,
            "through_judgment": through_judgment,
            "body": body,
            "computed_at": computed_at,
        },
    )
    if is_new:
        newest = campaign.reports.order_by("-computed_at").values("pk")[:KEPT]
        campaign.reports.exclude(pk__in=newest).exclude(pk=report.pk).delete()
        _tell_of_agreement(campaign, body, computed_at)
    return report


def _tell_of_agreement(campaign: Campaign, body: dict[str, Any], at: datetime) -> None:
    """Tell managers, once a day, while ordinal alpha is below the floor they set."""
    floor = read_policy(campaign.policy).agreement_floor
    if floor is None:
        return
    alpha = body["agreement"]["krippendorff_alpha_ordinal"]
    # One item with two votes has a value and no interval: too little to alarm anybody.
    if alpha is None or alpha.get("low") is None or alpha["value"] >= floor:
        return
    notify.tell(
        notify.managers_of(campaign),
        "agreement.fell",
        key=f"{campaign.public_id}:{at.date()}",
        campaign=campaign,
        alpha=f"{alpha['value']:.2f} ({alpha['low']:.2f} to {alpha['high']:.2f})",
        floor=f"{floor:.2f}",
    )


def turn_to_report(*, campaign_id: int, wait: bool) -> AbstractContextManager[bool]:
    """Whether it is our turn to compute the campaign's report, until the block ends."""
    return turn(_LOCK_SPACE, campaign_id=campaign_id, wait=wait)
