"""Take judgments back. How they are made and revised is in `rating`."""

from django.db import transaction

from labeling import audit
from labeling.actions.ended import hold_campaign
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import Assignment, Judgment, User, Withdrawal

MAX_REASON = 500


@transaction.atomic(durable=True)
def withdraw_judgment(*, judgment: Judgment, by: User | None, reason: str) -> Withdrawal:
    """The judgment counts no more, in no report and no export; it stays with who said so and why.

    The comparison is not asked again. Safe to repeat: the first withdrawal stands.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON:
        message = f"Say why, in up to {MAX_REASON} characters."
        raise InvalidInputError(message, problems=[FieldProblem("reason", message)])
    campaign = hold_campaign(judgment.campaign)
    # A revision holds the same row: it comes before this and is seen here, or after it.
    if judgment.assignment_id is not None:
        Assignment.objects.select_for_update(no_key=True).get(pk=judgment.assignment_id)
    if later := Judgment.objects.filter(supersedes=judgment).first():
        raise ConflictError(
            f"This judgment was changed since, so it does not count. What its rater says now is "
            f"{later.public_id}."
        )
    withdrawal, is_new = Withdrawal.objects.get_or_create(
        judgment=judgment, defaults={"reason": reason, "by": by}
    )
    if is_new:
        audit.record("judgment.withdrawn", campaign=campaign, by=by, subject=judgment.public_id)
    return withdrawal
