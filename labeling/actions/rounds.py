"""Open comparisons to raters, and close them; keep their number of judgments in step."""

import secrets
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from labeling import audit
from labeling.actions.ended import hold_campaign
from labeling.errors import ConflictError, FieldProblem, InvalidInputError, refused
from labeling.models import Campaign, Comparison, Lane, Place, Round, Seat, User, laying
from labeling.models.comparisons import ComparisonQuerySet
from labeling.practice import DEFAULT_PASS_SHARE
from labeling.schemas import DEFAULT_ARM, read_presentation, read_requirements

# Comparisons laid by one statement: bounds the memory of the server's sort and our list of ids.
BATCH = 20_000
# The pairs that came with an import, or that generation made.
GIVEN = "given"
# Lanes of lower rank are served first: calibration goes before all else.
RANKS = {Round.Kind.CALIBRATION: -1}
NOTHING_WAITS = "No comparisons wait to be opened. Import some, or generate them."
# Kinds that take more than a number of judgments to open: labeling.actions.pairing opens them.
ELSEWHERE = {Round.Kind.CALIBRATION, Round.Kind.ADJUDICATION}


@transaction.atomic(durable=True)
def open_round(
    *,
    campaign: Campaign,
    by: User | None,
    name: str = "",
    kind: str = Round.Kind.PRODUCTION,
    overlap: int | None = None,
    seed: int | None = None,
    pass_share: float | None = None,
    comparisons: Sequence[str] = (),
) -> Round:
    """Open all waiting comparisons as a new round: deal sides and arms, lay the assignments.

    A qualification takes those whose answer is known: all of them, or the `comparisons` named by
    their ids; `pass_share` of the answers must be right (0.7 unless said). Raises ConflictError
    when no comparison waits.
    """
    campaign = hold_campaign(campaign)
    if kind in ELSEWHERE:
        raise refused("kind", f"Rounds of {kind} are opened with the items they are about.")
    if kind == Round.Kind.QUALIFICATION:
        return open_qualification(
            campaign,
            by,
            name,
            DEFAULT_PASS_SHARE if pass_share is None else pass_share,
            comparisons,
        )
    if pass_share is not None or comparisons:
        field = "comparisons" if comparisons else "pass_share"
        raise refused(field, "Only a qualification has this.")
    check_overlap(campaign.overlap if overlap is None else overlap)
    if not campaign.comparisons.waiting().exists():
        raise ConflictError(NOTHING_WAITS)
    opened = begin_round(
        campaign, name=name, kind=kind, overlap=overlap or campaign.overlap, seed=seed
    )
    laid = lay_waiting(campaign, opened)
    audit.record(
        "round.opened", campaign=campaign, by=by, subject=opened.public_id, assignments=laid
    )
    return opened


@transaction.atomic(durable=True)
def open_waiting(*, campaign: Campaign, by: User | None) -> Round | None:
    """Put waiting comparisons in front of raters: into the open round, else into a new one.

    For what arrives while the campaign is active. What a round with a budget or a calibration left
    waiting stays so until a manager opens it. None when nothing arrived or it is not active.
    """
    return extend_round(Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk), by)


def extend_round(campaign: Campaign, by: User | None) -> Round | None:
    """`open_waiting` for an action that holds the campaign already."""
    arrived = campaign.comparisons.arrived()
    if campaign.state != Campaign.State.ACTIVE or not arrived.exists():
        return None
    # One that chose its pairs, or may ask for so much and no more, is complete as it was opened.
    standing = campaign.rounds.filter(
        state=Round.State.OPEN, kind=Round.Kind.PRODUCTION, pairing=GIVEN, budget=None
    )
    if (opened := standing.order_by("-number").first()) is None:
        opened = begin_round(campaign, overlap=campaign.overlap)
    laid = lay_waiting(campaign, opened, items=arrived)
    audit.record(
        "round.extended", campaign=campaign, by=by, subject=opened.public_id, assignments=laid
    )
    return opened


@transaction.atomic(durable=True)
def close_round(*, round_: Round, by: User | None) -> Round:
    """Close the round: what is open ends as cancelled, live leases may finish. Safe to repeat.

    A lease of it that lapses later ends too, and a skip has no successor.
    """
    # Held like this, nothing is laid into the round while it closes.
    Campaign.objects.select_for_update(no_key=True).get(pk=round_.campaign_id)
    closing = Round.objects.select_for_update(no_key=True).get(pk=round_.pk)
    if closing.state == Round.State.CLOSED:
        return closing
    closing.state = Round.State.CLOSED
    closing.closed_at = Now()
    closing.save(update_fields=["state", "closed_at"])
    closing.refresh_from_db()
    ended = laying.close(round_id=closing.pk)
    audit.record(
        "round.closed", campaign=closing.campaign, by=by, subject=closing.public_id, ended=ended
    )
    return closing


def check_overlap(overlap: int) -> None:
    """Refuse a number of judgments that no comparison can have."""
    if not 1 <= overlap <= 100:
        message = "overlap goes from 1 to 100."
        raise InvalidInputError(message, problems=[FieldProblem("overlap", message)])


def begin_round(campaign: Campaign, *, seed: int | None = None, **fields: Any) -> Round:
    """The next round of a campaign that the caller holds, with nothing in it yet."""
    last = campaign.rounds.aggregate(last=Max("number"))["last"] or 0
    return Round.objects.create(
        campaign=campaign,
        number=last + 1,
        seed=secrets.randbits(62) if seed is None else seed,
        **fields,
    )


def change_overlap(campaign: Campaign, overlap: int, by: User | None) -> None:
    """Ask for more or fewer judgments of each comparison in the open rounds; the caller holds the
    campaign.

    A round that was opened with an overlap of its own keeps it, and so does one with a budget or
    one that asks more where raters differ. More: free places are laid at the tail. Fewer: open
    places end; live leases may finish, and no judgment is touched.
    """
    check_overlap(overlap)
    before, campaign.overlap = campaign.overlap, overlap
    campaign.save(update_fields=["overlap"])
    rounds = campaign.rounds.select_for_update(no_key=True).filter(
        state=Round.State.OPEN,
        overlap=before,
        kind=Round.Kind.PRODUCTION,
        budget=None,
        max_overlap=None,
    )
    for opened in rounds.order_by("pk"):
        opened.overlap = overlap
        opened.save(update_fields=["overlap"])
        for ids in batches_of(opened):
            if overlap > before:
                laying.raise_overlap(deal_in(campaign, opened), ids)
            else:
                laying.lower_overlap(overlap=overlap, comparison_ids=ids)
    audit.record(
        "campaign.overlap_changed", campaign=campaign, by=by, changed={"overlap": [before, overlap]}
    )


def open_qualification(
    campaign: Campaign, by: User | None, name: str, pass_share: float, named: Sequence[str]
) -> Round:
    """The round; no slots are laid: each rater is dealt its items in turn, in one order."""
    if not 0 < pass_share <= 1:
        raise refused("pass_share", "It lies above 0 and goes up to 1.")
    if read_requirements(campaign.requirements).qualification != campaign.slug:
        raise ConflictError(
            "This campaign does not ask for a qualification of its own. Set"
            f' requirements.qualification to "{campaign.slug}" first.'
        )
    items = campaign.comparisons.for_practice()
    if named:
        items = named_comparisons(items, named, "that waits and has a known answer")
    if not items.exists():
        raise ConflictError("No comparison with a known answer waits. Import gold first.")
    opened = begin_round(
        campaign,
        name=name,
        kind=Round.Kind.QUALIFICATION,
        overlap=1,
        pass_share=pass_share,
    )
    count = items.update(round=opened)
    _lane(campaign)
    audit.record(
        "round.opened",
        campaign=campaign,
        by=by,
        subject=opened.public_id,
        kind=opened.kind,
        items=count,
    )
    return opened


def named_comparisons(
    items: ComparisonQuerySet, named: Sequence[str], what: str
) -> ComparisonQuerySet:
    """Those of `items` with these ids; InvalidInputError, saying `what` they are, if one is not."""
    public = [uuid for text in named if (uuid := _uuid(text))]
    found = items.filter(Q(external_id__in=named) | Q(public_id__in=public))
    known = {*found.values_list("external_id", flat=True)} | {
        str(uuid) for uuid in found.values_list("public_id", flat=True)
    }
    if missing := [text for text in named if text not in known]:
        message = f"{missing[0]}: there is no such comparison {what}."
        raise InvalidInputError(message, problems=[FieldProblem("comparisons", message)])
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def lay_waiting(
    campaign: Campaign,
    opened: Round,
    *,
    items: ComparisonQuerySet | None = None,
    limit: int | None = None,
) -> int:
    """Put what waits, or those `items` of it, into the round; how many slots.

    In the order it came and up to `limit`.
    """
    items = campaign.comparisons.waiting() if items is None else items
    waiting = items.order_by("pk").values_list("pk", flat=True)
    deal = deal_in(campaign, opened)
    laid = last = taken = 0
    while ids := list(waiting.filter(pk__gt=last)[: _next_batch(limit, taken)]):
        Comparison.objects.filter(pk__in=ids).update(round=opened)
        laid += laying.lay(deal, ids)
        last, taken = ids[-1], taken + len(ids)
    _analyze()
    return laid


def lay_round(campaign: Campaign, opened: Round) -> int:
    """Lay the slots of all comparisons that were put into a new round; how many."""
    deal = deal_in(campaign, opened)
    laid = sum(laying.lay(deal, ids) for ids in batches_of(opened))
    _analyze()
    return laid


def _next_batch(limit: int | None, taken: int) -> int:
    return BATCH if limit is None else min(BATCH, limit - taken)


def _analyze() -> None:
    with connection.cursor() as cursor:
        # A claim planned on yesterday's statistics reads the wrong index.
        cursor.execute("ANALYZE (SKIP_LOCKED) labeling_assignment")


def deal_in(campaign: Campaign, opened: Round) -> laying.Deal:
    """How the round's assignments are laid, for an action that holds the campaign."""
    rank = RANKS.get(Round.Kind(opened.kind), 0)
    # What is dealt without a slot has its home in the lane of rank 0.
    home = _lane(campaign)
    lane = _lane(campaign, rank) if rank else home
    arms = read_presentation(campaign.presentation).arms or (DEFAULT_ARM,)
    total = sum(arm.weight for arm in arms)
    return laying.Deal(
        campaign_id=campaign.pk,
        lane_id=lane.pk,
        overlap=opened.overlap,
        seed=opened.seed,
        arms=tuple(arm.name for arm in arms),
        uppers=tuple(share / total for share in accumulate(arm.weight for arm in arms)),
    )


def _lane(campaign: Campaign, rank: int = 0) -> Lane:
    """The campaign's lane of this rank, with a place in it for everyone who has a seat."""
    lane, is_new = Lane.objects.get_or_create(campaign=campaign, audience="", rank=rank)
    if is_new:
        Place.objects.bulk_create(
            Place(seat=seat, lane=lane, rank=lane.rank)
            for seat in Seat.objects.filter(campaign=campaign, is_active=True)
        )
    return lane


def batches_of(opened: Round, size: int = BATCH) -> Iterator[list[int]]:
    """The ids of the round's comparisons in their order, `size` at a time."""
    after = 0
    queryset = Comparison.objects.filter(round=opened).order_by("pk").values_list("pk", flat=True)
    while ids := list(queryset.filter(pk__gt=after)[:size]):
        yield ids
        after = ids[-1]
