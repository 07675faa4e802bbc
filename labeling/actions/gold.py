"""Known answers: retire one, take one back, keep one that was doubted. A person's decision each."""

from django.db import transaction
from django.db.models.functions import Now

from labeling import audit, notify
from labeling.actions.ended import hold_campaign
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import Comparison, Gold, User
from labeling.queries.gold import SuspectGold

MAX_WHY = 200


@transaction.atomic(durable=True)
def retire_gold(*, comparison: Comparison, by: User, why: str) -> Gold:
    """The known answer is met by nobody any more; who missed it is not held to it in practice.

    The same decision twice is one. What raters answered stays.
    """
    gold = _held(comparison)
    if gold.retired_at is not None:
        return gold
    gold.retired_at, gold.retired_why = Now(), _why(why)
    gold.save(update_fields=["retired_at", "retired_why"])
    gold.refresh_from_db()
    audit.record("gold.retired", campaign=comparison.campaign, by=by, subject=comparison.public_id)
    return gold


@transaction.atomic(durable=True)
def restore_gold(*, comparison: Comparison, by: User) -> Gold:
    """A retired answer is known again, and may be met by those who have not met it."""
    gold = _held(comparison)
    if gold.retired_at is None:
        return gold
    gold.retired_at, gold.retired_why = None, ""
    gold.save(update_fields=["retired_at", "retired_why"])
    audit.record("gold.restored", campaign=comparison.campaign, by=by, subject=comparison.public_id)
    return gold


@transaction.atomic(durable=True)
def keep_gold(*, comparison: Comparison, by: User, n: int) -> None:
    """A doubted answer was looked at and is right; it is doubted again with twice as many answers
    as the `n` it was doubted by.
    """
    _held(comparison)
    audit.record(
        "gold.kept", campaign=comparison.campaign, by=by, subject=comparison.public_id, n=n
    )


@transaction.atomic(durable=True)
def tell_of_suspect_gold(*, suspects: list[SuspectGold]) -> None:
    """Tell the campaign's managers of each doubted answer once; nothing is retired by it.

    One that was kept and is doubted again is told again.
    """
    for suspect in suspects:
        campaign = suspect.comparison.campaign
        notify.tell(
            notify.managers_of(campaign),
            "gold.suspect",
            # Once for each time that it is doubted: keeping it begins another.
            key=f"{suspect.public_id}:{suspect.times_kept}".removesuffix(":0"),
            campaign=campaign,
            right=suspect.found.right,
            count=suspect.found.n,
        )


def _held(comparison: Comparison) -> Gold:
    hold_campaign(comparison.campaign)
    gold = Gold.objects.select_for_update(no_key=True).filter(comparison=comparison).first()
    if gold is None:
        raise ConflictError("This comparison has no known answer.")
    return gold


def _why(text: str) -> str:
    text = text.strip()
    if not text or len(text) > MAX_WHY or "\x00" in text:
        message = f"Say why, in up to {MAX_WHY} characters."
        raise InvalidInputError(message, problems=[FieldProblem("why", message)])
    return text
