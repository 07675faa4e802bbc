"""Ask no more about an item that is decided, and one more where it is not; see rounds to their end.

By the clock, never by a click: each pass holds the campaign and the round as all do who lay slots.
"""

from collections import defaultdict
from dataclasses import replace

from django.db import transaction
from django.db.models.functions import Now

from labeling import audit, notify
from labeling.actions.rounds import deal_in
from labeling.metrics.stopping import is_enough
from labeling.models import Campaign, Round, laying
from labeling.models.laying import Item
from labeling.queries.next_pairs import wants_next
from labeling.queries.round_work import all_items, is_finished, unsettled_items

FINISHED = "round.finished"


@transaction.atomic(durable=True)
def settle_items(*, round_: Round, comparison_ids: list[int]) -> int:
    """End what is open of those of the comparisons that are decided; lay one more slot for each
    that is not, while the round's rule and budget allow. How many slots ended or were laid.

    One that was decided and is not any more, because a judgment was revised or withdrawn, goes on
    as well. Judgments and live leases are not touched, and never exceed what the round may ask of
    an item.
    Safe to repeat, and by several at once.
    """
    # The campaign's row, because laying takes its lane: seat, campaign, round, lane.
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=round_.campaign_id)
    held = Round.objects.select_for_update(no_key=True).get(pk=round_.pk)
    if held.state != Round.State.OPEN or held.stop_rule == "fixed":
        return 0
    decided: list[int] = []
    wanting: dict[int, list[int]] = defaultdict(list)
    for item in laying.items_of(round_id=held.pk, comparison_ids=comparison_ids):
        if _has_enough(held, item):
            if item.open:
                decided.append(item.comparison_id)
        elif _wants_one_more(held, item):
            wanting[item.slots].append(item.comparison_id)
    moved = laying.stop(comparison_ids=decided) if decided else 0
    if wanting:
        moved += _lay_one_each(campaign, held, wanting)
    return moved


def _has_enough(held: Round, item: Item) -> bool:
    most = held.max_overlap or held.overlap
    return is_enough(held.stops_by, item.a, item.tie, item.b, wanted=most, stop_at=held.stop_at)


def _wants_one_more(held: Round, item: Item) -> bool:
    """Nothing of it, undecided, is open or held, and it may have another."""
    most = held.max_overlap or held.overlap
    return not item.open and not item.live and item.slots < most


def _goes_on(held: Round) -> bool:
    """Whether an item of the round will get one more at the next pass, or new ones be chosen."""
    if wants_next(held):
        return True
    if held.stop_rule == "fixed":
        return False
    if held.budget is not None and laying.standing_count(round_id=held.pk) >= held.budget:
        return False
    return any(
        not _has_enough(held, item) and _wants_one_more(held, item)
        for batch in all_items(held)
        for item in laying.items_of(round_id=held.pk, comparison_ids=batch)
    )


def _lay_one_each(campaign: Campaign, held: Round, wanting: dict[int, list[int]]) -> int:
    """One slot more for each, as far as the budget goes; those with the fewest come first."""
    room = None
    if held.budget is not None:
        room = held.budget - laying.standing_count(round_id=held.pk)
    laid = 0
    deal = deal_in(campaign, held)
    for slots, ids in sorted(wanting.items()):
        batch = ids if room is None else ids[: max(room - laid, 0)]
        if batch:
            laid += laying.raise_overlap(replace(deal, overlap=slots + 1), batch)
    return laid


@transaction.atomic(durable=True)
def tell_finished(*, round_: Round) -> bool:
    """Tell the managers that the round has all its judgments; False if it has not, or they know.

    Looked at again under the locks of all who lay: a slot may have been laid meanwhile.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=round_.campaign_id)
    held = Round.objects.select_for_update(no_key=True).get(pk=round_.pk)
    if not is_finished(held) or _goes_on(held):
        return False
    audit.record(FINISHED, campaign=campaign, subject=round_.public_id, number=round_.number)
    notify.tell(
        notify.managers_of(campaign),
        FINISHED,
        key=str(round_.public_id),
        campaign=campaign,
        number=round_.number,
    )
    return True


@transaction.atomic(durable=True)
def close_adjudicated(*, round_: Round) -> bool:
    """Close a round of adjudication whose items are all decided; False while one is not."""
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=round_.campaign_id)
    held = Round.objects.select_for_update(no_key=True).get(pk=round_.pk)
    if held.state != Round.State.OPEN or held.kind != Round.Kind.ADJUDICATION:
        return False
    if unsettled_items(held).exists():
        return False
    held.state = Round.State.CLOSED
    held.closed_at = Now()
    held.save(update_fields=["state", "closed_at"])
    audit.record("round.closed", campaign=campaign, subject=held.public_id, ended=0)
    notify.tell(
        notify.managers_of(campaign),
        FINISHED,
        key=str(held.public_id),
        campaign=campaign,
        number=held.number,
    )
    return True
