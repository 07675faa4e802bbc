"""Who may see and change a campaign through its pages, and who finds nothing."""

import pytest
from django.test import Client
from django.urls import reverse

from labeling.models import Campaign, Job, User
from tests import factories
from tests.judging import judged
from tests.web.visiting import address, as_, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=3, name="Everyday <b>helpfulness</b>")


@pytest.fixture
def manager(campaign: Campaign) -> User:
    return factories.member(campaign, "manager", "marit")


@pytest.fixture
def researcher(campaign: Campaign) -> User:
    return factories.member(campaign, "researcher", "aisha")


# Every address below /campaigns/, and how it is asked for.
ADDRESSES: list[tuple[str, str]] = [
    ("GET", "campaigns"),
    ("GET", "campaign_new"),
    ("POST", "campaign_new"),
    ("GET", "campaign"),
    ("GET", "campaign_live"),
    ("POST", "campaign_state"),
    ("POST", "campaign_open_round"),
    ("POST", "campaign_recompute"),
    ("GET", "campaign_prompts"),
    ("GET", "campaign_comparison"),
    ("GET", "campaign_datasets"),
    ("GET", "campaign_export"),
    ("GET", "campaign_imports"),
    ("POST", "campaign_imports"),
    ("GET", "campaign_import"),
]


@pytest.mark.parametrize(("method", "name"), ADDRESSES)
def test_raters_and_strangers_find_nothing_and_others_sign_in(method, name, campaign):
    judged(campaign, {"ann": ["a", "b"]})
    url = address(name, campaign)
    rater = User.objects.get(username="ann")
    response = as_(rater).generic(method, url)
    assert response.status_code == 404
    assert "helpfulness" not in response.content.decode()
    if name not in {"campaigns", "campaign_new"}:
        # A manager elsewhere sees exactly what they would of a campaign that does not exist.
        stranger = factories.member(factories.campaign(), "manager")
        owner = factories.user(of=factories.organisation(), role="owner")
        for other in (stranger, owner):
            response = as_(other).generic(method, url)
            unknown = as_(other).generic(method, url.replace(campaign.slug, "no-such-campaign"))
            assert response.status_code == unknown.status_code == 404
            assert "helpfulness" not in response.content.decode()
    response = Client().generic(method, url)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("name", [name for method, name in ADDRESSES if method == "POST"])
def test_researchers_read_and_change_nothing(name, campaign, researcher):
    if name == "campaign_new":
        pytest.skip("a researcher with no organisation to govern is told so in its own test")
    before = (campaign.state, Job.objects.count(), campaign.rounds.count())
    factories.comparison(campaign)
    response = as_(researcher).post(address(name, campaign), {"state": "paused"})
    assert response.status_code == 403
    campaign.refresh_from_db()
    assert (campaign.state, Job.objects.count(), campaign.rounds.count()) == before
    shown = page(as_(researcher), "campaign", campaign.slug)
    assert "Pause" not in shown
    assert "Recompute" not in shown


def test_a_researcher_may_not_start_a_campaign(researcher):
    assert as_(researcher).get(reverse("campaign_new")).status_code == 403
    assert "New campaign" not in page(as_(researcher), "campaigns")


@pytest.mark.parametrize(
    "name", ["campaign_state", "campaign_open_round", "campaign_recompute", "campaign_imports"]
)
def test_a_forged_request_changes_nothing(name, campaign, manager):
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)
    assert client.post(address(name, campaign), {"state": "paused"}).status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == "active"


@pytest.mark.parametrize("name", ["campaign_state", "campaign_open_round", "campaign_recompute"])
def test_looking_changes_nothing(name, campaign, manager):
    assert as_(manager).get(address(name, campaign)).status_code == 405


def test_a_comparison_of_another_campaign_is_not_found(campaign, researcher):
    other = factories.comparison(factories.campaign())
    url = reverse("campaign_comparison", args=[campaign.slug, other.public_id])
    assert as_(researcher).get(url).status_code == 404
