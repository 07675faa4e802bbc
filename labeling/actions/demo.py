"""Set up the demo's accounts and simulated raters, and take a demo campaign away again.

Nothing here works outside demo mode: a production instance never has accounts whose password is
printed, and never loses a campaign to a command.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from labeling import audit
from labeling.errors import ConflictError, NotAllowedError
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    Image,
    Import,
    Judgment,
    Organisation,
    OrganisationMember,
    Rater,
    Seat,
    Token,
    User,
)

ORGANISATION = "thurstone-demo"
Role = OrganisationMember.Role
RATER_NAMES = tuple(f"rater{number}" for number in range(1, 9))
ACCOUNTS: dict[str, str] = {
    "admin": Role.OWNER,
    "manager": Role.MANAGER,
    "researcher": Role.MEMBER,
    **dict.fromkeys(RATER_NAMES, Role.MEMBER),
}


@dataclass(frozen=True)
class DemoAccounts:
    """The demo's organisation and its people by sign-in name."""

    organisation: Organisation
    users: dict[str, User]


def refuse_outside_demo() -> None:
    """Raise NotAllowedError on an instance that is no demo."""
    if not (settings.DEBUG or settings.DEMO):
        raise NotAllowedError(
            "This instance runs in production mode, and the demo's accounts have a password that "
            "is printed. Start a demo with `make demo` (or `python manage.py up --demo`)."
        )


@transaction.atomic(durable=True)
def set_up_accounts(*, encoded_password: str) -> DemoAccounts:
    """The demo's people, made or found, all with this (hashed) password. Safe to repeat.

    Raises ConflictError when one of the names belongs to somebody who is not of the demo.
    """
    refuse_outside_demo()
    organisation, _ = Organisation.objects.get_or_create(
        slug=ORGANISATION, defaults={"name": "Demo lab"}
    )
    of_demo = OrganisationMember.objects.filter(organisation=organisation, user=OuterRef("pk"))
    known = {
        user.username: user
        for user in User.objects.filter(username__in=ACCOUNTS).annotate(is_demo=Exists(of_demo))
    }
    if foreign := sorted(name for name, user in known.items() if not user.is_demo):
        raise ConflictError(
            f"There are users called {', '.join(foreign)} who are not of the demo. "
            "Load the demo into a database of its own."
        )
    stale = User.objects.filter(username__in=known).exclude(password=encoded_password)
    changed = stale.update(password=encoded_password)
    made = User.objects.bulk_create(
        User(username=name, password=encoded_password) for name in ACCOUNTS if name not in known
    )
    OrganisationMember.objects.bulk_create(
        OrganisationMember(organisation=organisation, user=user, role=ACCOUNTS[user.username])
        for user in made
    )
    if made or changed:
        audit.record(
            "demo.accounts_set_up",
            subject=organisation.public_id,
            made=len(made),
            passwords_changed=changed,
        )
    return DemoAccounts(organisation, known | {user.username: user for user in made})


@transaction.atomic(durable=True)
def set_up_simulated_people(*, organisation: Organisation, names: Sequence[str]) -> list[User]:
    """People who cannot sign in and are marked as simulated, made or found, in this order."""
    refuse_outside_demo()
    known = {
        user.username: user for user in User.objects.filter(username__in=names, is_simulated=True)
    }
    made = User.objects.bulk_create(
        User(
            username=name,
            first_name=name.replace("-", " ").capitalize(),
            password=make_password(None),
            is_active=False,
            is_simulated=True,
        )
        for name in names
        if name not in known
    )
    OrganisationMember.objects.bulk_create(
        OrganisationMember(organisation=organisation, user=user) for user in made
    )
    known |= {user.username: user for user in made}
    return [known[name] for name in names]


@transaction.atomic(durable=True)
def remove_demo_campaign(*, campaign: Campaign) -> None:
    """Delete a campaign of the demo with all that hangs on it. Its audit events stay.

    Past Django's PROTECT, table by table: the foreign keys are checked at commit, so a table that
    this leaves behind makes it fail as a whole. Tokens narrowed to the campaign are revoked:
    without it they would be narrowed to nothing, and reach everything.
    """
    refuse_outside_demo()
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if campaign.organisation.slug != ORGANISATION:
        raise NotAllowedError(f"{campaign.slug} is no campaign of the demo.")
    uploads = Import.objects.filter(job__campaign=campaign).exclude(file="")
    for name in uploads.values_list("file", flat=True):
        transaction.on_commit(partial(default_storage.delete, name))
    for name in Image.objects.filter(campaign=campaign).values_list("file", flat=True):
        transaction.on_commit(partial(default_storage.delete, name))
    Token.objects.filter(campaigns=campaign, revoked_at=None).update(revoked_at=Now())
    for table, path in _tables_below_campaign():
        rows: models.QuerySet[Any] = table._base_manager.filter(**{path: campaign.pk})
        rows._raw_delete(rows.db)
    gone = Campaign.objects.filter(pk=campaign.pk)
    gone._raw_delete(gone.db)
    # Raters known only from its files, and its judges.
    orphans = Rater.objects.filter(
        ~Exists(Seat.objects.filter(rater=OuterRef("pk"))),
        ~Exists(Judgment.objects.filter(rater=OuterRef("pk"))),
        ~Exists(Assignment.objects.filter(rater=OuterRef("pk"))),
        organisation=campaign.organisation,
        user=None,
    )
    orphans._raw_delete(orphans.db)
    audit.record("demo.campaign_removed", subject=campaign.public_id, slug=campaign.slug)


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
