"""Set up the demo's accounts and simulated raters, and take a demo campaign away again.

Nothing here works outside demo mode: a production instance never has accounts whose password is
printed, and never loses a campaign to a command.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from labeling import audit
from labeling.actions.simulation import simulated_people, take_away
from labeling.errors import ConflictError, NotAllowedError
from labeling.models import Campaign, Organisation, OrganisationMember, User

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
    return simulated_people(organisation, names)


@transaction.atomic(durable=True)
def remove_demo_campaign(*, campaign: Campaign) -> None:
    """Delete a campaign of the demo with all that hangs on it. Its audit events stay."""
    refuse_outside_demo()
    campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if campaign.organisation.slug != ORGANISATION:
        raise NotAllowedError(f"{campaign.slug} is no campaign of the demo.")
    take_away(campaign)
    audit.record("demo.campaign_removed", subject=campaign.public_id, slug=campaign.slug)
