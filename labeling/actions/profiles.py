"""What people say of themselves: the languages they read, what they can do, who they are."""

import re
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models.functions import Now

from labeling import audit
from labeling.actions.skills import note_skill
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import Demographics, Membership, Organisation, Rater, Skill, User
from labeling.queries.demographics import QUESTIONS
from labeling.skills import same_name

MOST_LANGUAGES = 40
MOST_SKILLS = 30
# The shape of a BCP 47 tag: a language, then script, region and the like.
_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)


@transaction.atomic(durable=True)
def change_profile(*, user: User, languages: Sequence[str], skills: Sequence[str]) -> None:
    """Keep the languages the user reads and the skills they say they have, wherever they rate."""
    spoken = checked_languages(languages)
    if len(skills) > MOST_SKILLS:
        message = f"At most {MOST_SKILLS} skills."
        raise InvalidInputError(message, problems=[FieldProblem("skills", message)])
    said = {same_name(name): name for name in skills}
    for rater in _raters_of(user):
        rater.languages = spoken
        rater.save(update_fields=["languages"])
        declared = {
            same_name(one.name): one for one in rater.skills.filter(source=Skill.Source.DECLARED)
        }
        for key, skill in declared.items():
            if key not in said:
                skill.delete()
        for key, name in said.items():
            if key not in declared:
                note_skill(rater=rater, name=name, level=0, source=Skill.Source.DECLARED)
        audit.record("profile.changed", by=user, subject=rater.public_id)


@transaction.atomic(durable=True)
def give_demographics(*, user: User, answers: Mapping[str, str]) -> None:
    """Keep what the user chose to say of themselves; skipped questions are left out."""
    said = {key: answer for key, answer in answers.items() if answer}
    for key, answer in said.items():
        if answer not in QUESTIONS.get(key, ()):
            message = "Choose one of the answers, or skip the question."
            raise InvalidInputError(message, problems=[FieldProblem(key, message)])
    for rater in _raters_of(user):
        # Answered anew they count as the newest: whoever watches the groups sees no one move.
        Demographics.objects.update_or_create(
            rater=rater, defaults={"answers": said, "consented_at": Now()}
        )
        audit.record("demographics.given", by=user, subject=rater.public_id)


@transaction.atomic(durable=True)
def withdraw_demographics(*, user: User) -> None:
    """Delete at once all that the user said of themselves. Safe to repeat."""
    gone, _ = Demographics.objects.filter(rater__user=user).delete()
    if gone:
        audit.record("demographics.withdrawn", by=user, subject=user.public_id)


def checked_languages(languages: Sequence[str]) -> list[str]:
    """The tags, each once, in the order given; one that is no tag is an InvalidInputError."""
    spoken: dict[str, str] = {}
    for text in languages:
        tag = text.strip().replace("_", "-")
        if not _TAG.fullmatch(tag) or len(tag) > 35:
            message = f"“{text[:40]}” is no language tag; write en, nb-NO or zh-Hant."
            raise InvalidInputError(message, problems=[FieldProblem("languages", message)])
        spoken.setdefault(tag.lower(), tag)
    if len(spoken) > MOST_LANGUAGES:
        message = f"At most {MOST_LANGUAGES} languages."
        raise InvalidInputError(message, problems=[FieldProblem("languages", message)])
    return list(spoken.values())


def _raters_of(user: User) -> list[Rater]:
    """The user as a rater of each organisation in which they rate, held until commit."""
    known = Rater.objects.filter(user=user).values("organisation")
    rated = Membership.objects.filter(user=user, role=Membership.Role.RATER)
    for organisation in Organisation.objects.filter(
        pk__in=rated.values("campaign__organisation")
    ).exclude(pk__in=known):
        Rater.objects.get_or_create(
            organisation=organisation,
            user=user,
            defaults={"is_simulated": user.is_simulated},
        )
    held = Rater.objects.select_for_update(no_key=True, of=("self",)).filter(user=user)
    raters = list(held.order_by("pk"))
    if not raters:
        raise ConflictError("You rate nowhere yet. When somebody invites you, come back here.")
    return raters
