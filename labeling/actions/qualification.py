"""Qualification: who may take a campaign's own comparisons, and what they practise on before."""

from django.db import transaction
from django.db.models.functions import Now

from labeling import audit
from labeling.actions.skills import skills_of_a_pass
from labeling.errors import BusyError, ConflictError, NotAllowedError, NotQualifiedError
from labeling.models import Assignment, Campaign, Rater, Round, Seat, User
from labeling.models.practice_dealing import deal_practice, standings
from labeling.schemas import DEFAULT_ARM, read_requirements

# Tries of two tabs of one person to take the same item before the second is told to wait.
TRIES = 5


def practice_item(*, rater: Rater, campaign: Campaign, asked: str) -> int | None:
    """The id of the assignment to practise on first; None for one who is qualified.

    `asked` is the campaign whose qualification counts. Raises NotQualifiedError, with what to do,
    where there is nothing to practise on here. Each try is one statement, as of any claim.
    """
    if rater.kind == Rater.Kind.JUDGE:
        return None
    seats = Seat.objects.filter(
        rater=rater, campaign__slug=asked, campaign__organisation=campaign.organisation_id
    )
    if any(seats.values_list("qualified_at", flat=True)):
        return None
    if asked != campaign.slug:
        names = Campaign.objects.filter(slug=asked, organisation=campaign.organisation_id)
        name = names.values_list("name", flat=True).first() or asked
        raise NotQualifiedError(
            f"Rating here asks for the qualification of “{name}”. Pass it there, then come back."
        )
    for _ in range(TRIES):
        dealt = deal_practice(
            rater_id=rater.pk,
            campaign_id=campaign.pk,
            arm=DEFAULT_ARM.name,
            lease_seconds=campaign.lease_seconds,
        )
        if dealt is not None:
            break
    else:
        raise BusyError("Another tab of yours is at it. Please try again in a moment.")
    if not dealt.has_seat:
        raise NotAllowedError("Your part in this campaign has been paused.")
    if dealt.assignment_id is not None:
        return dealt.assignment_id
    # The last answer was graded when it was given; this sees to one whose server died just then,
    # and to one who passes because an item was retired.
    if grade_practice(rater=rater, campaign=campaign):
        return None
    # In every state of the campaign: it may be resumed before the caller looks for other work.
    raise NotQualifiedError(_why_not(rater, campaign))


def asks_own_qualification(campaign: Campaign) -> bool:
    """Whether it is the campaign's own qualification that its raters must pass."""
    return read_requirements(campaign.requirements).qualification == campaign.slug


def is_practice(assignment: Assignment) -> bool:
    """Whether it is of an item of its campaign's own qualification.

    Asks the database only in campaigns that have one, and there of every assignment: an answer to
    gold must take as long as one to a slot.
    """
    return (
        asks_own_qualification(assignment.campaign)
        and Round.objects.filter(
            kind=Round.Kind.QUALIFICATION, comparisons=assignment.comparison_id
        ).exists()
    )


@transaction.atomic(durable=True)
def grade_practice(*, rater: Rater, campaign: Campaign) -> bool:
    """Whether the rater has passed an open qualification round of the campaign: all items ended,
    enough of them right. Their seat says so from then on. Safe to repeat.
    """
    seat = Seat.objects.select_for_update(no_key=True).get(rater=rater, campaign=campaign)
    if seat.qualified_at is not None:
        return True
    rounds = standings(rater_ids=[rater.pk], campaign_ids=[campaign.pk])
    passed = next((one for one in rounds if one.is_passed), None)
    if passed is None:
        return False
    seat.qualified_at = Now()
    seat.save(update_fields=["qualified_at"])
    audit.record(
        "rater.qualified",
        campaign=campaign,
        by=rater,
        subject=rater.public_id,
        round=passed.number,
        right=passed.right,
        items=passed.items,
    )
    skills_of_a_pass(rater=rater, campaign=campaign, right=passed.right, items=passed.items)
    return True


@transaction.atomic(durable=True)
def qualify_rater(*, campaign: Campaign, rater: Rater, by: User | None) -> None:
    """Let the rater in without the qualification, or though they did not pass. Safe to repeat."""
    if rater.user_id is None:
        raise ConflictError("Only a person who signs in can rate here.")
    seat = Seat.objects.select_for_update(no_key=True).get(rater=rater, campaign=campaign)
    if seat.qualified_at is not None:
        return
    seat.qualified_at = Now()
    seat.save(update_fields=["qualified_at"])
    audit.record("rater.let_in", campaign=campaign, by=by, subject=rater.public_id)


def _why_not(rater: Rater, campaign: Campaign) -> str:
    rounds = standings(rater_ids=[rater.pk], campaign_ids=[campaign.pk])
    if not rounds:
        return (
            "This campaign asks for a qualification, and none is open just now."
            " Its manager opens it or lets you in."
        )
    last = rounds[-1]
    if not last.is_done:
        return (
            "Your qualification is not finished, and this campaign gives out nothing just now."
            " Please come back when it runs."
        )
    return (
        f"You answered all {last.items} practice comparisons, {last.right} of them as expected;"
        f" it takes {last.needed}. The campaign's manager can let you in or open another round."
    )
