"""Appeals: a rater's word against a known answer, and a manager's decision."""

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from labeling import audit, notify
from labeling.errors import ConflictError, FieldProblem, InvalidInputError, NotAllowedError
from labeling.models import Appeal, Gold, Judgment, Rater, User

MAX_CHARS = 2000


@transaction.atomic(durable=True)
def make_appeal(*, judgment: Judgment, rater: Rater, reason: str) -> Appeal:
    """The rater's appeal against the answer expected of their `judgment`, which they were told.

    One for each judgment; the same reason again is the same appeal.
    """
    reason = _text(reason, "reason", "Say in a sentence or two why you see it differently.")
    try:
        with transaction.atomic():
            appeal = Appeal.objects.create(judgment=judgment, reason=reason)
    except IntegrityError:
        appeal = Appeal.objects.get(judgment=judgment)
        if appeal.reason == reason:
            return appeal
        raise ConflictError("You have already appealed against this one.") from None
    campaign = judgment.campaign
    audit.record("appeal.made", campaign=campaign, by=rater, subject=appeal.public_id)
    seat = rater.seats.filter(campaign=campaign).first()
    notify.tell(
        notify.managers_of(campaign),
        "appeal.waiting",
        key=str(appeal.public_id),
        campaign=campaign,
        rater=seat.pseudonym if seat else "A rater",
    )
    return appeal


@transaction.atomic(durable=True)
def decide_appeal(*, appeal: Appeal, is_upheld: bool, answer: str, by: User) -> Appeal:
    """Uphold the appeal, which retires the known answer for everybody, or decline it. Who
    missed a qualification by this one answer passes at their next visit.

    The rater reads the `answer`; a declined appeal needs one. The same decision twice is one;
    another one is a ConflictError. Nobody decides on their own.
    """
    answer = answer.strip()
    if not is_upheld:
        answer = _text(answer, "answer", "Tell the rater why in a sentence or two.")
    if by.pk == appeal.judgment.rater.user_id:
        raise NotAllowedError("Nobody decides on an appeal of their own. Another manager does.")
    state = Appeal.State.UPHELD if is_upheld else Appeal.State.DECLINED
    held = (
        Appeal.objects.select_for_update(of=("self",))
        .select_related("judgment__campaign")
        .get(pk=appeal.pk)
    )
    if held.state != Appeal.State.WAITING:
        if held.state == state:
            return held
        raise ConflictError(f"This appeal is {held.state} already.")
    held.state, held.answer = state, _bounded(answer, "answer")
    held.decided_by, held.decided_at = by, Now()
    held.save(update_fields=["state", "answer", "decided_by", "decided_at"])
    campaign = held.judgment.campaign
    if is_upheld:
        gold = Gold.objects.filter(comparison=held.judgment.comparison_id, retired_at=None)
        if gold.update(retired_at=Now()):
            audit.record("gold.retired", campaign=campaign, by=by, subject=held.public_id)
    audit.record(
        "appeal.decided", campaign=campaign, by=by, subject=held.public_id, state=str(state)
    )
    if (person := held.judgment.rater.user) is not None:
        notify.tell(
            [person],
            "appeal.decided",
            key=str(held.public_id),
            campaign=campaign,
            decision=str(state),
            answer=held.answer,
        )
    return held


def _text(text: str, field: str, message: str) -> str:
    text = text.strip()
    if not text:
        raise InvalidInputError(message, problems=[FieldProblem(field, message)])
    return _bounded(text, field)


def _bounded(text: str, field: str) -> str:
    if len(text) > MAX_CHARS or "\x00" in text:
        message = f"At most {MAX_CHARS} characters, and no NUL among them."
        raise InvalidInputError(message, problems=[FieldProblem(field, message)])
    return text
