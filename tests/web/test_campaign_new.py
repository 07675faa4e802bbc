"""A campaign made from the form, and what the form does not take."""

import pytest
from django.urls import reverse

from labeling.models import Campaign, Membership
from tests import factories
from tests.web.visiting import as_, page

pytestmark = pytest.mark.django_db


def test_a_new_campaign_from_the_form():
    owner = factories.user(of=factories.organisation(), role="owner")
    client = as_(owner)
    assert "New campaign" in page(client, "campaigns")
    given = {
        "name": "Round four",
        "slug": "",
        "description": "A try",
        "scale": "4",
        "tie": "on",
        "rationale": "required",
        "overlap": "2",
        "criteria": "Helpful: does what was asked\nTruthful",
        "presentation": '[{"name": "slow", "mode": "paced", "tokens_per_second": 12}]',
    }
    response = client.post(reverse("campaign_new"), given)
    made = Campaign.objects.get(name="Round four")
    assert response["Location"] == reverse("campaign_imports", args=[made.slug])
    assert (made.state, made.overlap, made.created_by) == ("draft", 2, owner)
    assert made.schema["scale"] == 4
    assert made.schema["both_bad"] is False
    arm = made.presentation["arms"][0]
    assert (arm["name"], arm["mode"], arm["tokens_per_second"]) == ("slow", "paced", 12)
    assert arm["lock_until_shown"] is True
    assert [(c["key"], c["label"]) for c in made.schema["criteria"]] == [
        ("helpful", "Helpful"),
        ("truthful", "Truthful"),
    ]
    assert Membership.objects.filter(campaign=made, user=owner, role="owner").exists()
    page(client, "campaign", made.slug)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "required"),
        ("slug", "taken", "exists"),
        ("slug", "new", "taken by a page"),
        ("slug", "not a slug", "valid"),
        ("overlap", "0", "greater than or equal to 1"),
        ("scale", "5", "valid choice"),
        ("criteria", "Same\nsame", "the same name"),
        ("criteria", "x" * 200, "length"),
        ("presentation", "[{", "This is no JSON"),
        ("presentation", "[" * 4000, "This is no JSON"),
        ("presentation", "3", "presentation: Expected `object`"),
        ("presentation", '{"arm": []}', "presentation: Object contains unknown field `arm`"),
        ("presentation", '[{"name": "x", "mode": "slow"}]', "presentation.arms[0].mode"),
        (
            "presentation",
            '[{"name": "x"}, {"name": "y", "mode": "paced"}]',
            "presentation.arms[1].tokens_per_second: A paced arm needs tokens_per_second.",
        ),
        ("presentation", '[{"name": "x"}, {"name": "x"}]', "the same name"),
    ],
)
def test_a_form_that_cannot_be_used_says_where_and_why(field, value, says):
    owner = factories.user(of=factories.organisation(), role="owner")
    factories.campaign(slug="taken")
    given = {"name": "N", "scale": "7", "rationale": "off", "overlap": "3"} | {field: value}
    response = as_(owner).post(reverse("campaign_new"), given)
    assert response.status_code == 422
    assert says in response.content.decode()
    assert Campaign.objects.count() == 1
