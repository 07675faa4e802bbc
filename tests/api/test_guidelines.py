"""Guidelines by API: what is refused says what to do."""

import pytest

from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("", "Write the guidelines first."),
        (" \n ", "Write the guidelines first."),
        ("## T1 One\n## T1 Two", "Give each its own."),
    ],
)
def test_each_refusal_says_at_its_field_what_to_do(call_as, body, advice):
    campaign = factories.campaign()
    call = call_as(factories.member(campaign, "manager"), "write")
    answer = call.post(f"campaigns/{campaign.slug}/guidelines/", {"body": body})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == "body"
    assert error["message"].endswith(advice)
    assert error["message"] == answer.json()["detail"]
    assert not campaign.guidelines.exists()
