"""The comparison after this one: prepared while the rater reads, taken up, or given back."""

from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction

from labeling.models import Assignment, Campaign, Rater, ahead, queue
from labeling.models.gold_dealing import deal_gold
from labeling.models.repeat_dealing import deal_repeat
from labeling.queries import budget
from labeling.queries.rating import is_qualified, judged_today
from labeling.queries.routing import routing_of
from labeling.schemas import read_requirements

# What lies in the way of a claim (lapsed leases, a window of met slots) is passed so many times;
# nobody waits for a comparison that is prepared.
TRIES = 3


@dataclass(frozen=True)
class Kept:
    """Which of the two leases of a page are still the rater's."""

    shown: bool
    prepared: bool


def prepare_assignment(
    *, rater: Rater, campaign: Campaign, beside: UUID, at_most: int | None = None
) -> Assignment | None:
    """Lease one more to `rater`, for a short while, and renew the one they read (`beside`).

    None if they do not hold that one any more, hold another besides, would have enough for today
    with it, or nothing is free. Dealt as a claim deals, gold and repeats too; practice one by one.
    """
    requirements = read_requirements(campaign.requirements)
    if campaign.state != Campaign.State.ACTIVE:
        return None
    if not ahead.keep(rater_id=rater.pk, campaign=campaign, shown=beside, prepared=None):
        return None
    if requirements.qualification and not is_qualified(rater, campaign, requirements.qualification):
        return None
    routing = routing_of(rater, campaign, requirements)
    bounds = [bound for bound in (routing.left, at_most) if bound is not None]
    # The last one is on the screen.
    if routing.obstacles or min(bounds, default=2) <= 1:
        return None
    if requirements.daily_cap and judged_today(rater, campaign) + 1 >= requirements.daily_cap:
        return None
    with budget.within(campaign) as has_more:
        return _prepared(rater, campaign) if has_more else None


def _prepared(rater: Rater, campaign: Campaign) -> Assignment | None:
    lease = ahead.prepared_seconds(campaign)
    gold = deal_gold(rater=rater, campaign=campaign, hold=2, lease_seconds=lease)
    repeat = deal_repeat(
        rater=rater, campaign=campaign, hold=2 if gold is None else 0, lease_seconds=lease
    )
    if (dealt := gold or repeat) is not None:
        return queue.claim(rater=rater, campaign=campaign, hold=2, dealt=dealt).taken
    for _ in range(TRIES):
        try:
            seen = queue.claim(rater=rater, campaign=campaign, hold=2, lease_seconds=lease)
        except IntegrityError:
            return None
        if seen.taken is not None:
            return seen.taken
        if seen.held_id is not None:
            return None
        if not (seen.has_lapsed and _requeue(campaign)) and not seen.is_catching_up:
            return None
    return None


def keep_assignments(
    *, rater: Rater, campaign: Campaign, shown: UUID, prepared: UUID | None
) -> Kept:
    """Renew the leases of a page whose rater is there; which of them stand."""
    kept = ahead.keep(rater_id=rater.pk, campaign=campaign, shown=shown, prepared=prepared)
    return Kept(shown in kept, prepared in kept)


def take_up_assignment(*, rater: Rater, campaign: Campaign, prepared: UUID) -> bool:
    """Whether the prepared assignment may be shown now: it is the rater's, and in no other tab."""
    return ahead.take_up(rater_id=rater.pk, campaign=campaign, prepared=prepared)


@transaction.atomic(durable=True)
def give_back_assignment(*, rater: Rater, campaign: Campaign, prepared: UUID) -> None:
    """End a prepared lease and open its slot to everybody. One that is shown already stays."""
    if ahead.give_back(rater_id=rater.pk, campaign=campaign, prepared=prepared):
        queue.requeue(campaign_id=campaign.pk)
        ahead.forget(rater_id=rater.pk, campaign=campaign, prepared=prepared)


@transaction.atomic(durable=True)
def _requeue(campaign: Campaign) -> int:
    return queue.requeue(campaign_id=campaign.pk)
