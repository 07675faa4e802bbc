"""What raters can do, as it is noted: given, taken away, earned in practice and on gold."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from labeling import audit, notify
from labeling.errors import ConflictError, FieldProblem, InvalidInputError, NotFoundError
from labeling.models import Campaign, Organisation, Rater, Skill, User
from labeling.queries.gold_skills import gold_results
from labeling.schemas import read_requirements
from labeling.skills import ENOUGH_GOLD, same_name, shown_level

NAME_LENGTH = 60
GIVEN = frozenset({Skill.Source.GRANTED, Skill.Source.IMPORTED})


@transaction.atomic(durable=True)
def grant_skill(
    *, campaign: Campaign, rater: Rater, name: str, level: float, by: User | None
) -> Skill:
    """Note that the rater has a skill, on the manager's word. Granting again changes the level."""
    _hold(rater)
    skill, _ = note_skill(rater=rater, name=name, level=level, source=Skill.Source.GRANTED)
    audit.record(
        "skill.granted",
        campaign=campaign,
        by=by,
        subject=rater.public_id,
        skill=skill.name,
        level=level,
    )
    return skill


@transaction.atomic(durable=True)
def remove_skill(
    *, campaign: Campaign, rater: Rater, name: str, source: str, by: User | None
) -> None:
    """Forget one way in which a skill is known. What the rater says of themselves is theirs."""
    if source == Skill.Source.DECLARED:
        raise ConflictError("The rater says so themselves; it satisfies no requirement above 0.")
    _hold(rater)
    rows = [one for one in rater.skills.all() if one.source == source and _is_called(one, name)]
    if not rows:
        raise NotFoundError("There is no such skill of this rater.")
    for skill in rows:
        skill.delete()
        audit.record(
            "skill.removed",
            campaign=campaign,
            by=by,
            subject=rater.public_id,
            skill=skill.name,
            source=source,
        )


def note_skill(
    *,
    rater: Rater,
    name: str,
    level: float,
    source: str,
    earned_at: datetime | None = None,
) -> tuple[Skill, bool]:
    """The row of this way of knowing, at this level, and whether it is new; in the caller's
    transaction, which holds the rater. A level out of bounds or an odd name is InvalidInputError.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        message = f"A skill has a name of 1 to {NAME_LENGTH} characters."
        raise InvalidInputError(message, problems=[FieldProblem("skill", message)])
    if not 0 <= level <= 1:
        message = "A level goes from 0 to 1."
        raise InvalidInputError(message, problems=[FieldProblem("level", message)])
    when = earned_at or timezone.now()
    for skill in rater.skills.filter(source=source):
        if _is_called(skill, name):
            skill.level, skill.earned_at = level, when
            skill.save(update_fields=["level", "earned_at"])
            return skill, False
    return Skill.objects.create(
        rater=rater, name=name, level=level, source=source, earned_at=when
    ), True


def skills_of_a_pass(*, rater: Rater, campaign: Campaign, right: int, items: int) -> None:
    """Give the rater what the qualifying campaign names, at the level that their pass shows; in
    the transaction that notes the pass.
    """
    named = read_requirements(campaign.requirements).skills
    if not named or not items:
        return
    _hold(rater)
    for name in named:
        skill, is_new = note_skill(
            rater=rater,
            name=name,
            level=shown_level(right, items),
            source=Skill.Source.QUALIFICATION,
        )
        _tell(rater, skill, is_new=is_new)


@transaction.atomic(durable=True)
def refresh_gold_skills(*, organisation: Organisation) -> int:
    """Bring what raters earned on known answers up to yesterday; how many rows changed.

    A level falls as well as rises, and a row that too few known answers are left of goes.
    """
    wanted = {
        (one.rater_id, same_name(one.skill)): one
        for one in gold_results(organisation)
        if one.answered >= ENOUGH_GOLD
    }
    earned = Skill.objects.select_for_update().filter(
        rater__organisation=organisation, source=Skill.Source.GOLD
    )
    changed = 0
    for skill in earned.order_by("pk"):
        result = wanted.pop((skill.rater_id, same_name(skill.name)), None)
        if result is None:
            skill.delete()
        elif (skill.level, skill.earned_at) != (
            level := shown_level(result.right, result.answered),
            result.last_at,
        ):
            skill.level, skill.earned_at = level, result.last_at
            skill.save(update_fields=["level", "earned_at"])
        else:
            continue
        changed += 1
    raters = Rater.objects.select_related("user").in_bulk({pk for pk, _ in wanted})
    for (rater_id, _), result in sorted(wanted.items()):
        skill, is_new = note_skill(
            rater=raters[rater_id],
            name=result.skill,
            level=shown_level(result.right, result.answered),
            source=Skill.Source.GOLD,
            earned_at=result.last_at,
        )
        _tell(raters[rater_id], skill, is_new=is_new)
        changed += 1
    if changed:
        audit.record("skills.refreshed", subject=organisation.public_id, changed=changed)
    return changed


def _tell(rater: Rater, skill: Skill, *, is_new: bool) -> None:
    if is_new and rater.user is not None:
        key = f"{rater.public_id}:{same_name(skill.name)}:{skill.source}"
        notify.tell([rater.user], "skill.earned", key=key, skill=skill.name)


def _is_called(skill: Skill, name: str) -> bool:
    return same_name(skill.name) == same_name(name)


def _hold(rater: Rater) -> None:
    """Two who note the same skill at once take turns."""
    Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
