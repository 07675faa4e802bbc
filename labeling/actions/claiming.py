"""Work for a rater: the next assignment is leased to them. Safe to repeat from any tab."""

import random
import time

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from labeling.actions.qualification import (
    practice_item,
)
from labeling.errors import (
    BusyError,
    EnoughForTodayError,
    EnoughInAllError,
    NotAllowedError,
    RequirementsUnmetError,
    StudyDoneError,
)
from labeling.models import (
    Assignment,
    Campaign,
    Rater,
    Seat,
    joined,
    queue,
)
from labeling.models.gold_dealing import deal_gold
from labeling.models.repeat_dealing import deal_repeat
from labeling.queries import budget
from labeling.queries.rating import judged_today
from labeling.queries.routing import routing_of
from labeling.schemas import (
    Requirements,
    read_requirements,
)
from labeling.skills import Obstacle

# How long a claim tries again while others are taking what it sees, before it says "one moment".
CLAIM_PATIENCE_SECONDS = 1.5
PAUSED = "Your part in this campaign has been paused."


def claim_assignment(
    *, rater: Rater, campaign: Campaign, hold: int = 1, at_most: int | None = None
) -> Assignment | None:
    """Lease the next assignment to `rater`, or renew one they hold; None if none is free.

    Each try is one statement and so one transaction: a retry must see a fresh snapshot. With
    `hold` above one, that many may be held at once (the current one and those prepared); practice
    comes one at a time. Raises NotQualifiedError, EnoughForTodayError and EnoughInAllError, which
    say what to do. What is held already is given back all the same: it was begun. `at_most` is what
    a participant's study still wants of them (`Desk.study_left`): StudyDoneError for nothing.
    """
    if campaign.state == Campaign.State.ARCHIVED:
        return None
    if at_most is not None and at_most <= 0:
        raise StudyDoneError("You have given all that this study asks for. Thank you.")
    requirements = read_requirements(campaign.requirements)
    try:
        practice, left = _way_in(rater, campaign, requirements)
    except (RequirementsUnmetError, EnoughForTodayError, EnoughInAllError):
        if (begun := _begun(rater, campaign)) is not None:
            return begun
        raise
    if practice is not None:
        return joined.assignment_to_show(practice, campaign)
    hold = min(bound for bound in (hold, left, at_most) if bound is not None)
    with budget.within(campaign) as has_more:
        return _deal(rater, campaign, hold if has_more else 0)


def _deal(rater: Rater, campaign: Campaign, hold: int) -> Assignment | None:
    """Gold or a repeat where it is its turn, else a slot; with `hold` 0 what is held already."""
    gold = deal_gold(rater=rater, campaign=campaign, hold=hold)
    # Asked after gold too, which must take no less time than the rest.
    repeat = deal_repeat(rater=rater, campaign=campaign, hold=hold if gold is None else 0)
    if (dealt := gold or repeat) is not None:
        return queue.claim(rater=rater, campaign=campaign, hold=hold, dealt=dealt).taken
    return _claim(rater, campaign, hold)


def _way_in(
    rater: Rater, campaign: Campaign, requirements: Requirements
) -> tuple[int | None, int | None]:
    """The assignment to practise on first, and how many more may be taken; None for no bound.

    What no practice gives comes before practice, and what it may give comes after.
    """
    routing = routing_of(rater, campaign, requirements)
    if (asked := requirements.qualification) is not None:
        _refuse(routing.languages_missing)
        practice = practice_item(rater=rater, campaign=campaign, asked=asked)
        if practice is not None:
            return practice, None
        if routing.obstacles:
            # The pass may have been noted just now.
            routing = routing_of(rater, campaign, requirements)
    _refuse(routing.obstacles)
    bounds = []
    if (in_all := routing.left) is not None:
        if in_all <= 0:
            raise EnoughInAllError(
                f"You have judged {requirements.campaign_cap} here, as many as this campaign gives"
                " one rater. Thank you."
            )
        bounds.append(in_all)
    if (cap := requirements.daily_cap) is not None:
        today = cap - judged_today(rater, campaign)
        if today <= 0:
            raise EnoughForTodayError(
                f"You have judged {cap} today, as many as this campaign gives a day."
                " It goes on tomorrow."
            )
        bounds.append(today)
    return None, min(bounds, default=None)


def _refuse(obstacles: tuple[Obstacle, ...]) -> None:
    if obstacles:
        reasons = " ".join(one.words for one in obstacles)
        raise RequirementsUnmetError(
            f"Rating here asks for something more. {reasons}",
            problems=[one.problem for one in obstacles],
        )


def _begun(rater: Rater, campaign: Campaign) -> Assignment | None:
    """What the rater holds already, its lease renewed: a card is not taken from under them."""
    held = Assignment.objects.filter(
        rater=rater, campaign=campaign, ended_at=None, leased_until__gt=Now()
    )
    pk = held.order_by("-leased_until").values_list("pk", flat=True).first()
    if pk is None or not queue.renew(
        assignment_id=pk, rater_id=rater.pk, lease_seconds=campaign.lease_seconds
    ):
        return None
    return joined.assignment_to_show(pk, campaign)


def _claim(rater: Rater, campaign: Campaign, hold: int) -> Assignment | None:
    give_up_at = time.monotonic() + CLAIM_PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        seen = _try_claim(rater, campaign, hold)
        if seen.taken is not None:
            return seen.taken
        if seen.held_id is not None:
            if queue.renew(
                assignment_id=seen.held_id, rater_id=rater.pk, lease_seconds=campaign.lease_seconds
            ):
                return joined.assignment_to_show(seen.held_id, campaign)
            continue  # It went back to the queue between the two statements.
        if seen.has_lapsed and _requeue_lapsed(campaign):
            continue
        if seen.is_contended:
            # The others need a moment to commit; should one fail, what it took is free again.
            time.sleep(random.uniform(0.001, 0.02))
        elif not seen.is_mine:
            if not _has_seat(rater, campaign):
                raise NotAllowedError(PAUSED)
        elif not seen.is_catching_up:
            return None
    raise BusyError("Many raters are claiming at once. Please try again in a moment.")


def _try_claim(rater: Rater, campaign: Campaign, hold: int) -> queue.Claim:
    try:
        return queue.claim(rater=rater, campaign=campaign, hold=hold)
    except IntegrityError:
        # The net under `turn`: a late answer in another tab met the comparison meanwhile.
        return queue.Claim()


@transaction.atomic(durable=True)
def _requeue_lapsed(campaign: Campaign) -> int:
    return queue.requeue(campaign_id=campaign.pk)


def _has_seat(rater: Rater, campaign: Campaign) -> bool:
    return Seat.objects.filter(rater=rater, campaign=campaign, is_active=True).exists()
