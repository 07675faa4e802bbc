"""Who rates in a campaign: listed under pseudonyms, let in by managers, paused at once."""

import pytest

from labeling.models import Assignment
from labeling.queries.queue_faults import QueueFaults
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return factories.campaign()


@pytest.fixture
def manage(call_as, campaign):
    return call_as(factories.member(campaign, "manager"), "write")


def test_a_person_let_in_may_claim_at_once(call_as, manage, campaign):
    factories.open_comparisons(campaign, 1)
    person = factories.user("ada", of=campaign.organisation)
    call = call_as(person, "rate")
    claim = f"campaigns/{campaign.slug}/assignments/"
    assert call.post(claim).status_code == 404
    for _ in range(2):
        added = manage.post(f"campaigns/{campaign.slug}/raters/", {"username": "ada"})
        assert added.status_code == 201, added.content
    assert call.post(claim).status_code == 201
    (row,) = manage.get(f"campaigns/{campaign.slug}/raters/").json()["results"]
    assert row["name"] == "ada"
    assert row["rater"].startswith("rater-")
    assert row["judgment_count"] == 0


def test_nobody_of_another_organisation_is_let_in(manage, campaign):
    factories.user("eve", of=factories.organisation())
    answer = manage.post(f"campaigns/{campaign.slug}/raters/", {"username": "eve"})
    unknown = manage.post(f"campaigns/{campaign.slug}/raters/", {"username": "nob"})
    assert answer.status_code == unknown.status_code == 404
    assert answer.content.replace(b"eve", b"nob") == unknown.content


def test_a_paused_rater_claims_no_more_and_what_they_held_is_free(call_as, manage, campaign):
    factories.open_comparisons(campaign, 1)
    seat = factories.rater(campaign)
    call = call_as(seat.rater.user, "rate")
    claim = f"campaigns/{campaign.slug}/assignments/"
    assert call.post(claim).status_code == 201
    path = f"campaigns/{campaign.slug}/raters/{seat.rater.public_id}/suspend/"
    answer = manage.post(path)
    assert answer.status_code == 200, answer.content
    assert answer.json()["is_active"] is False
    assert Assignment.objects.get().rater is None
    assert call.post(claim).status_code == 403
    assert call_as(factories.rater(campaign).rater.user, "rate").post(claim).status_code == 201


def test_a_rater_paused_before_the_first_round_finds_work_after_it(call_as, manage, campaign):
    seat = factories.rater(campaign)
    call = call_as(seat.rater.user, "rate")
    claim = f"campaigns/{campaign.slug}/assignments/"
    path = f"campaigns/{campaign.slug}/raters/{seat.rater.public_id}"
    assert manage.post(f"{path}/suspend/").status_code == 200
    factories.open_comparisons(campaign, 1)
    assert call.post(claim).status_code == 403
    for _ in range(2):
        answer = manage.post(f"{path}/reinstate/")
        assert answer.status_code == 200, answer.content
        assert answer.json()["is_active"] is True
    assert call.post(claim).status_code == 201
    assert not QueueFaults.of(campaign)


def test_a_rater_known_from_a_file_does_not_claim(manage, campaign):
    judge = factories.judge(campaign, "a-judge").rater
    path = f"campaigns/{campaign.slug}/raters/{judge.public_id}/reinstate/"
    assert manage.post(path).status_code == 409


def test_researchers_read_and_raters_do_not(call_as, campaign):
    path = f"campaigns/{campaign.slug}/raters/"
    researcher = call_as(factories.member(campaign, "researcher"), "write")
    rater = call_as(factories.rater(campaign).rater.user, "admin")
    assert researcher.get(path).status_code == 200
    assert researcher.post(path, {"username": "ada"}).status_code == 403
    one = f"{path}{factories.rater(campaign).rater.public_id}"
    for verb in ("suspend", "reinstate"):
        assert researcher.post(f"{one}/{verb}/").status_code == 403
        assert rater.post(f"{one}/{verb}/").status_code == 404
    assert rater.get(path).status_code == 404
