"""Open comparisons to raters, and close them; keep their number of judgments in step."""

import secrets
from collections.abc import Iterator, Sequence
from itertools import accumulate
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from labeling import audit
from labeling.actions.ended import hold_campaign
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import Campaign, Comparison, Lane, Place, Round, Seat, User, laying
from labeling.models.comparisons import ComparisonQuerySet
from labeling.practice import DEFAULT_PASS_SHARE
from labeling.schemas import DEFAULT_ARM, read_presentation, read_requirements

# Comparisons laid by one statement: bounds the memory of the server's sort and our list of ids.
BATCH = 20_000
# Kinds that a round may be called and that nothing acts on yet: as production rounds they would use
# up what waits.
NOT_YET = {Round.Kind.CALIBRATION, Round.Kind.ADJUDICATION}


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
    if kind in NOT_YET:
        message = f"Rounds of {kind} cannot be opened yet."
        raise InvalidInputError(message, problems=[FieldProblem("kind", message)])
    if kind == Round.Kind.QUALIFICATION:
        return _open_qualification(
            campaign,
            by,
            name,
            DEFAULT_PASS_SHARE if pass_share is None else pass_share,
            comparisons,
        )
    if pass_share is not None or comparisons:
        field = "comparisons" if comparisons else "pass_share"
        message = "Only a qualification has this."
        raise InvalidInputError(f"{field}: {message}", problems=[FieldProblem(field, message)])
    check_overlap(campaign.overlap if overlap is None else overlap)
    if not campaign.comparisons.waiting().exists():
        raise ConflictError("No comparisons wait to be opened. Import some, or generate them.")
    last = campaign.rounds.aggregate(last=Max("number"))["last"] or 0
    opened = Round.objects.create(
        campaign=campaign,
        number=last + 1,
        name=name,
        kind=kind,
        overlap=overlap or campaign.overlap,
        seed=secrets.randbits(62) if seed is None else seed,
    )
    laid = _lay_waiting(campaign, opened)
    audit.record(
        "round.opened", campaign=campaign, by=by, subject=opened.public_id, assignments=laid
    )
    return opened


@transaction.atomic(durable=True)
def open_waiting(*, campaign: Campaign, by: User | None) -> Round | None:
    """Put waiting comparisons in front of raters: into the open round, else into a new one.

    For what arrives while the campaign is active. None when nothing waits or it is not active.
    """
    return extend_round(Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk), by)


def extend_round(campaign: Campaign, by: User | None) -> Round | None:
    """`open_waiting` for an action that holds the campaign already."""
    if campaign.state != Campaign.State.ACTIVE or not campaign.comparisons.waiting().exists():
        return None
    standing = campaign.rounds.filter(state=Round.State.OPEN, kind=Round.Kind.PRODUCTION)
    if (opened := standing.order_by("-number").first()) is None:
        last = campaign.rounds.aggregate(last=Max("number"))["last"] or 0
        opened = Round.objects.create(
            campaign=campaign,
            number=last + 1,
            overlap=campaign.overlap,
            seed=secrets.randbits(62),
        )
    laid = _lay_waiting(campaign, opened)
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


def change_overlap(campaign: Campaign, overlap: int, by: User | None) -> None:
    """Ask for more or fewer judgments of each comparison in the open rounds; the caller holds the
    campaign.

    A round that was opened with an overlap of its own keeps it. More: free places are laid at the
    tail. Fewer: open places end; live leases may finish, and no judgment is touched.
    """
    check_overlap(overlap)
    before, campaign.overlap = campaign.overlap, overlap
    campaign.save(update_fields=["overlap"])
    rounds = (
        campaign.rounds.select_for_update(no_key=True)
        .filter(state=Round.State.OPEN, overlap=before)
        .exclude(kind=Round.Kind.QUALIFICATION)
    )
    for opened in rounds.order_by("pk"):
        opened.overlap = overlap
        opened.save(update_fields=["overlap"])
        for ids in _batches(opened):
            if overlap > before:
                laying.raise_overlap(_deal(campaign, opened), ids)
            else:
                laying.lower_overlap(overlap=overlap, comparison_ids=ids)
    audit.record("campaign.overlap_changed", campaign=campaign, by=by, overlap=overlap)


def _open_qualification(
    campaign: Campaign, by: User | None, name: str, pass_share: float, named: Sequence[str]
) -> Round:
    """The round; no slots are laid: each rater is dealt its items in turn, in one order."""
    if not 0 < pass_share <= 1:
        message = "pass_share lies above 0 and goes up to 1."
        raise InvalidInputError(message, problems=[FieldProblem("pass_share", message)])
    if read_requirements(campaign.requirements).qualification != campaign.slug:
        raise ConflictError(
            "This campaign does not ask for a qualification of its own. Set"
            f' requirements.qualification to "{campaign.slug}" first.'
        )
    items = campaign.comparisons.for_practice()
    if named:
        items = _named(items, named)
    if not items.exists():
        raise ConflictError("No comparison with a known answer waits. Import gold first.")
    last = campaign.rounds.aggregate(last=Max("number"))["last"] or 0
    opened = Round.objects.create(
        campaign=campaign,
        number=last + 1,
        name=name,
        kind=Round.Kind.QUALIFICATION,
        overlap=1,
        seed=secrets.randbits(62),
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


def _named(items: ComparisonQuerySet, named: Sequence[str]) -> ComparisonQuerySet:
    """Those of the ids; InvalidInputError if one of them is none that could be practised on."""
    public = [uuid for text in named if (uuid := _uuid(text))]
    found = items.filter(Q(external_id__in=named) | Q(public_id__in=public))
    known = {*found.values_list("external_id", flat=True)} | {
        str(uuid) for uuid in found.values_list("public_id", flat=True)
    }
    if missing := [text for text in named if text not in known]:
        message = f"{missing[0]}: there is no such comparison that waits and has a known answer."
        raise InvalidInputError(message, problems=[FieldProblem("comparisons", message)])
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _lay_waiting(campaign: Campaign, opened: Round) -> int:
    deal = _deal(campaign, opened)
    laid = 0
    waiting = campaign.comparisons.waiting().order_by("pk").values_list("pk", flat=True)
    last = 0
    while ids := list(waiting.filter(pk__gt=last)[:BATCH]):
        Comparison.objects.filter(pk__in=ids).update(round=opened)
        laid += laying.lay(deal, ids)
        last = ids[-1]
    with connection.cursor() as cursor:
        # A claim planned on yesterday's statistics reads the wrong index.
        cursor.execute("ANALYZE (SKIP_LOCKED) labeling_assignment")
    return laid


def _deal(campaign: Campaign, opened: Round) -> laying.Deal:
    lane = _lane(campaign)
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


def _lane(campaign: Campaign) -> Lane:
    """The campaign's lane, with a place in it for everyone who has a seat."""
    lane, is_new = Lane.objects.get_or_create(campaign=campaign, audience="", rank=0)
    if is_new:
        Place.objects.bulk_create(
            Place(seat=seat, lane=lane, rank=lane.rank)
            for seat in Seat.objects.filter(campaign=campaign, is_active=True)
        )
    return lane


def _batches(opened: Round) -> Iterator[list[int]]:
    after = 0
    queryset = Comparison.objects.filter(round=opened).order_by("pk").values_list("pk", flat=True)
    while ids := list(queryset.filter(pk__gt=after)[:BATCH]):
        yield ids
        after = ids[-1]
