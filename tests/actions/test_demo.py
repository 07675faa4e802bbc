"""Demo accounts and campaigns: made only in a demo, and never at the cost of anybody else's."""

import pytest

from labeling.actions.campaigns import create_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.demo import (
    ACCOUNTS,
    ORGANISATION,
    remove_demo_campaign,
    set_up_accounts,
    set_up_simulated_people,
)
from labeling.actions.rating import revise_judgment, submit_judgment
from labeling.actions.tokens import issue_token
from labeling.errors import ConflictError, NotAllowedError
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    Comparison,
    Gold,
    Judgment,
    OrganisationMember,
    Rater,
    Token,
    User,
    Withdrawal,
)
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def demo(settings):
    """The settings of a demo."""
    settings.DEMO = True


def judged_campaign(campaign: Campaign) -> Judgment:
    """Fill the campaign with a row of nearly everything; its last judgment."""
    factories.open_comparisons(campaign, 3)
    Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
    seat = factories.rater(campaign)
    factories.judge(campaign, "judge")
    for _ in range(2):
        assignment = claim_assignment(rater=seat.rater, campaign=campaign)
        assert assignment is not None
        made = submit_judgment(
            rater=seat.rater, assignment_id=assignment.public_id, answer={"side": "left"}
        )
    revised = revise_judgment(
        rater=seat.rater, judgment_id=made.judgment.public_id, answer={"side": "right"}
    ).judgment
    Withdrawal.objects.create(judgment=revised, reason="a test")
    return revised


def demo_campaign() -> Campaign:
    organisation = set_up_accounts(encoded_password="!").organisation
    return factories.campaign(of=organisation)


@pytest.mark.parametrize(
    "call",
    [
        lambda: set_up_accounts(encoded_password="!"),
        lambda: set_up_simulated_people(organisation=factories.organisation(), names=["s"]),
        lambda: remove_demo_campaign(
            campaign=factories.campaign(of=factories.organisation(ORGANISATION))
        ),
    ],
)
def test_in_production_mode_nothing_of_it_works(call):
    with pytest.raises(NotAllowedError, match="production"):
        call()
    assert not User.objects.exists()


@pytest.mark.usefixtures("demo")
def test_the_accounts_have_their_roles_and_no_superuser_is_among_them():
    accounts = set_up_accounts(encoded_password="pbkdf2$x")
    roles = OrganisationMember.objects.filter(organisation=accounts.organisation)
    assert dict(roles.values_list("user__username", "role")) == ACCOUNTS
    assert not User.objects.filter(is_superuser=True).exists()
    assert set(User.objects.values_list("password", flat=True)) == {"pbkdf2$x"}


@pytest.mark.usefixtures("demo")
def test_setting_up_again_changes_only_a_password_that_differs():
    first = set_up_accounts(encoded_password="one")
    set_up_accounts(encoded_password="one")
    assert AuditEvent.objects.filter(verb="demo.accounts_set_up").count() == 1
    second = set_up_accounts(encoded_password="two")
    assert {u.pk for u in first.users.values()} == {u.pk for u in second.users.values()}
    assert set(User.objects.values_list("password", flat=True)) == {"two"}


@pytest.mark.usefixtures("demo")
def test_somebody_elses_account_of_that_name_is_left_alone():
    other = factories.user("admin", of=factories.organisation())
    with pytest.raises(ConflictError, match="called admin who are not of the demo"):
        set_up_accounts(encoded_password="mine-now")
    other.refresh_from_db()
    assert other.check_password("password")
    assert User.objects.count() == 1


@pytest.mark.usefixtures("demo")
def test_simulated_people_are_marked_and_cannot_sign_in(client):
    organisation = factories.organisation()
    first = set_up_simulated_people(organisation=organisation, names=["s-2", "s-1"])
    again = set_up_simulated_people(organisation=organisation, names=["s-1", "s-2"])
    assert [user.username for user in again] == ["s-1", "s-2"]
    assert {user.pk for user in first} == {user.pk for user in again}
    assert all(user.is_simulated and not user.has_usable_password() for user in again)
    assert not client.login(username="s-1", password="!")


@pytest.mark.usefixtures("demo")
def test_a_real_person_of_a_simulated_name_is_not_made_one():
    factories.user("s-1")
    with pytest.raises(ConflictError, match="a person called s-1"):
        set_up_simulated_people(organisation=factories.organisation(), names=["s-1"])
    assert User.objects.get(username="s-1").is_simulated is False


@pytest.mark.usefixtures("demo")
def test_removal_takes_all_of_the_campaign_and_nothing_of_another():
    removed, kept = demo_campaign(), factories.campaign()
    judged_campaign(removed)
    judged_campaign(kept)
    counts = {model: model.objects.count() for model in (Judgment, Assignment, Comparison, Gold)}
    remove_demo_campaign(campaign=removed)
    assert not Campaign.objects.filter(pk=removed.pk).exists()
    for model, count in counts.items():
        assert model.objects.count() * 2 == count, model
    assert Judgment.objects.filter(campaign=kept).count() == 3
    assert Withdrawal.objects.count() == 1
    # The judge had no other seat and no account; the person keeps theirs.
    assert Rater.objects.filter(kind="judge").count() == 1
    assert Rater.objects.filter(kind="human").count() == 2


@pytest.mark.usefixtures("demo")
def test_removal_is_audited_and_what_was_audited_before_stays():
    campaign = demo_campaign()
    judged_campaign(campaign)
    before = AuditEvent.objects.count()
    remove_demo_campaign(campaign=campaign)
    assert AuditEvent.objects.count() == before + 1
    event = AuditEvent.objects.latest("pk")
    assert (event.verb, event.subject) == ("demo.campaign_removed", campaign.public_id)
    assert event.details == {"slug": campaign.slug}


@pytest.mark.usefixtures("demo")
def test_only_a_campaign_of_the_demo_can_be_removed():
    campaign = factories.campaign()
    judged_campaign(campaign)
    with pytest.raises(NotAllowedError, match="no campaign of the demo"):
        remove_demo_campaign(campaign=campaign)
    assert Judgment.objects.filter(campaign=campaign).count() == 3


@pytest.mark.usefixtures("demo")
def test_a_token_narrowed_to_a_removed_campaign_does_not_reach_the_others():
    campaign = demo_campaign()
    manager = User.objects.get(username="manager")
    other = create_campaign(organisation=campaign.organisation, by=manager, name="Other")
    token, text = issue_token(user=manager, scopes=["read"], by=manager, campaigns=[campaign])
    remove_demo_campaign(campaign=campaign)
    assert Token.objects.get(pk=token.pk).revoked_at is not None
    from django.test import Client

    caller = Client(headers={"authorization": f"Bearer {text}"})
    assert caller.get(f"/api/v1/campaigns/{other.slug}/").status_code == 401
