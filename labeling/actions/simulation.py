"""Simulated people and campaigns: enrolled, dated back, and taken away.

What is real stays out of reach: a campaign is taken away only where its judgments are all by raters
who do not exist.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from labeling import audit
from labeling.errors import ConflictError, NotAllowedError
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    Demographics,
    DueTally,
    Image,
    Import,
    Judgment,
    Membership,
    Notification,
    Organisation,
    OrganisationMember,
    Rater,
    Round,
    Seat,
    Skill,
    Token,
    User,
)


@transaction.atomic(durable=True)
def enrol_simulated_people(*, organisation: Organisation, names: Sequence[str]) -> list[User]:
    """People who cannot sign in and are marked as simulated, made or found, in this order."""
    return simulated_people(organisation, names)


def simulated_people(organisation: Organisation, names: Sequence[str]) -> list[User]:
    """`enrol_simulated_people` for an action that does more in the same transaction."""
    known = {
        user.username: user for user in User.objects.filter(username__in=names, is_simulated=True)
    }
    missing = [name for name in names if name not in known]
    if real := User.objects.filter(username__in=missing).values_list("username", flat=True).first():
        raise ConflictError(f"There is a person called {real}, who is not simulated.")
    made = User.objects.bulk_create(
        User(
            username=name,
            first_name=name.replace("-", " ").capitalize(),
            password=make_password(None),
            is_active=False,
            is_simulated=True,
        )
        for name in missing
    )
    OrganisationMember.objects.bulk_create(
        OrganisationMember(organisation=organisation, user=user) for user in made
    )
    known |= {user.username: user for user in made}
    return [known[name] for name in names]


@transaction.atomic(durable=True)
def date_back_round(*, round_: Round, at: datetime) -> None:
    """Let a round of a simulated campaign have been opened at a moment gone by."""
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=round_.campaign_id)
    refuse_real(campaign)
    Round.objects.filter(pk=round_.pk).update(created_at=at)


@transaction.atomic(durable=True)
def remove_simulated_campaign(*, campaign: Campaign) -> None:
    """Delete a simulated campaign with all that hangs on it, and its people. Audit events stay.

    ConflictError where a real person or a judge has given a judgment in it.
    """
    held = Campaign.objects.select_for_update().get(pk=campaign.pk)
    refuse_real(held)
    people = list(
        User.objects.filter(is_simulated=True, raters__seats__campaign=held)
        .distinct()
        .values_list("pk", flat=True)
    )
    take_away(held)
    _forget(people)
    audit.record("campaign.removed", subject=held.public_id, slug=held.slug, people=len(people))


def refuse_real(campaign: Campaign) -> None:
    """Raise where the campaign, or a judgment in it, is not a simulated one."""
    if not campaign.is_simulated:
        raise NotAllowedError(f"{campaign.slug} is no simulated campaign; nothing was changed.")
    real = Judgment.objects.filter(
        Q(rater__is_simulated=False) | Q(rater__kind=Rater.Kind.JUDGE), campaign=campaign
    )
    if (count := real.count()) > 0:
        raise ConflictError(
            f"{campaign.slug} holds {count:,} judgments that were not simulated; nothing was"
            " changed."
        )


def take_away(campaign: Campaign) -> None:
    """Delete a campaign that the caller holds and may delete, with all that hangs on it.

    Past Django's PROTECT, table by table: the foreign keys are checked at commit, so a table that
    this leaves behind makes it fail as a whole. Tokens narrowed to the campaign are revoked:
    without it they would be narrowed to nothing, and reach everything.
    """
    uploads = Import.objects.filter(job__campaign=campaign).exclude(file="")
    for name in uploads.values_list("file", flat=True):
        transaction.on_commit(partial(default_storage.delete, name))
    for name in Image.objects.filter(campaign=campaign).values_list("file", flat=True):
        transaction.on_commit(partial(default_storage.delete, name))
    Token.objects.filter(campaigns=campaign, revoked_at=None).update(revoked_at=Now())
    for table, path in _tables_below_campaign():
        rows: models.QuerySet[Any] = table._base_manager.filter(**{path: campaign.pk})
        rows._raw_delete(rows.db)
    # Judgments that went left notes of it behind, after those of the campaign were taken away.
    notes = DueTally.objects.filter(campaign=campaign)
    notes._raw_delete(notes.db)
    gone = Campaign.objects.filter(pk=campaign.pk)
    gone._raw_delete(gone.db)
    # Raters known only from its files, and its judges.
    orphans = _without_work(Rater.objects.filter(organisation=campaign.organisation, user=None))
    orphans._raw_delete(orphans.db)


def _forget(people: Sequence[int]) -> None:
    """Delete those of the simulated people who rate nowhere any more, and their raters."""
    at_work = Rater.objects.filter(user__in=people).exclude(
        pk__in=_without_work(Rater.objects.filter(user__in=people)).values("pk")
    )
    idle = User.objects.filter(pk__in=people, is_simulated=True).exclude(
        pk__in=at_work.values("user")
    )
    keys = list(idle.values_list("pk", flat=True))
    for rows in (
        Skill.objects.filter(rater__user__in=keys),
        Demographics.objects.filter(rater__user__in=keys),
        Rater.objects.filter(user__in=keys),
        Notification.objects.filter(user__in=keys),
        Membership.objects.filter(user__in=keys),
        OrganisationMember.objects.filter(user__in=keys),
        User.objects.filter(pk__in=keys),
    ):
        rows._raw_delete(rows.db)


def _without_work(raters: "models.QuerySet[Rater]") -> "models.QuerySet[Rater]":
    return raters.filter(
        ~Exists(Seat.objects.filter(rater=OuterRef("pk"))),
        ~Exists(Judgment.objects.filter(rater=OuterRef("pk"))),
        ~Exists(Assignment.objects.filter(rater=OuterRef("pk"))),
    )


def _tables_below_campaign() -> list[tuple[type[models.Model], str]]:
    """Every table whose rows belong to a campaign, with the way up to it; the deepest first."""
    found: dict[type[models.Model], str] = {}
    layer: list[tuple[type[models.Model], str]] = [(Campaign, "")]
    while layer:
        below: list[tuple[type[models.Model], str]] = []
        for parent, way in layer:
            for relation in parent._meta.get_fields(include_hidden=True):
                if not isinstance(relation, models.ManyToOneRel):
                    continue
                child, name = relation.related_model, relation.field.name
                # Audit events outlive what they tell of; the database does not check their key.
                if child is AuditEvent or child in found or not isinstance(child, type):
                    continue
                found[child] = f"{name}__{way}" if way else name
                below.append((child, found[child]))
        layer = below
    return [*reversed(found.items())]
