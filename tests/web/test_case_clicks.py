"""A case whose forms are sent twice, or by two at once: nothing doubles, no word is lost."""

import pytest
from django.test import Client

from labeling.actions.cases import decide, open_case
from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.errors import ConflictError
from labeling.models import Campaign, Case, CaseEntry, Exclusion, Notification, Seat
from tests import factories
from tests.concurrency.crowd import at_once
from tests.web.building_forms import sent
from tests.web.visiting import as_

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def judged() -> tuple[Campaign, Seat]:
    campaign = factories.campaign(slug="clicks")
    factories.open_comparisons(campaign, 3)
    seat = factories.rater(campaign)
    while (claimed := claim_assignment(rater=seat.rater, campaign=campaign)) is not None:
        submit_judgment(rater=seat.rater, assignment_id=claimed.public_id, answer={"side": "left"})
    return campaign, seat


def path_of(seat: Seat) -> str:
    return f"/campaigns/{seat.campaign.slug}/raters/{seat.rater.public_id}/case/"


def decision(client: Client, seat: Seat, **typed: str) -> dict[str, str]:
    """The form of the page as it is shown now, filled in."""
    return sent(client.get(path_of(seat)).content.decode(), "act", do="decide", **typed)


def test_a_decision_sent_twice_is_made_once(judged: tuple[Campaign, Seat]) -> None:
    campaign, seat = judged
    manager = factories.member(campaign, "manager")
    client = as_(manager)
    case = open_case(campaign=campaign, rater=seat.rater, by=manager, text="Can we talk?")
    leave_out = decision(client, seat, action="exclude_round:1", note="Hasty.")
    resume = decision(client, seat, action="resume", note="Thank you.")
    for _ in range(2):
        assert client.post(path_of(seat), leave_out).status_code == 302
    assert Exclusion.objects.count() == CaseEntry.objects.filter(kind="decision").count() == 1
    # One that was filled in before it was made is another look at things.
    assert client.post(path_of(seat), resume).status_code == 422
    resume = decision(client, seat, action="resume", note="Thank you.")
    for _ in range(2):
        assert client.post(path_of(seat), resume).status_code == 302
    case.refresh_from_db()
    assert case.state == "closed"
    assert CaseEntry.objects.filter(kind="decision").count() == 2


def test_many_clicks_at_once_make_one_exclusion(judged: tuple[Campaign, Seat]) -> None:
    campaign, seat = judged
    manager = factories.member(campaign, "manager")
    case = open_case(campaign=campaign, rater=seat.rater, by=manager, text="Can we talk?")
    shown = case.entries.get().public_id

    def click() -> None:
        decide(case=case, action="exclude_all", note="All.", by=manager, after=shown)

    at_once([click] * 4)
    assert Exclusion.objects.count() == 1
    second = factories.member(campaign, "manager")
    with pytest.raises(ConflictError, match="decided meanwhile"):
        decide(case=case, action="exclude_all", note="All.", by=second, after=shown)
    assert Exclusion.objects.count() == 1


def test_another_decision_in_between_keeps_what_was_written(
    judged: tuple[Campaign, Seat],
) -> None:
    campaign, seat = judged
    first, second = (as_(factories.member(campaign, "manager")) for _ in range(2))
    first.post(path_of(seat), {"do": "open", "text": "Can we talk?"})
    late = decision(second, seat, action="exclude_round:1", note="zq-my-reasons")
    first.post(path_of(seat), decision(first, seat, action="pause", note="Until we spoke."))
    response = second.post(path_of(seat), late)
    shown = response.content.decode()
    assert response.status_code == 422
    assert "Something else was decided meanwhile" in shown
    again = sent(shown, "act", do="decide")
    assert (again["note"], again["action"]) == ("zq-my-reasons", "exclude_round:1")
    assert not Exclusion.objects.exists()
    assert second.post(path_of(seat), again).status_code == 302
    assert Exclusion.objects.count() == 1
    # A case that was closed meanwhile has no form of decisions: the words stay on the page.
    late = decision(second, seat, action="pause", note="zq-more-reasons")
    first.post(path_of(seat), decision(first, seat, action="resume", note="Go on."))
    response = second.post(path_of(seat), late)
    assert response.status_code == 422
    assert "zq-more-reasons" in response.content.decode()


def test_words_are_sent_once_and_stay_after_a_refusal(judged: tuple[Campaign, Seat]) -> None:
    campaign, seat = judged
    client = as_(factories.member(campaign, "manager"))
    for _ in range(2):
        client.post(path_of(seat), {"do": "open", "text": "Can we talk?"})
    assert CaseEntry.objects.count() == 1
    shown = str(CaseEntry.objects.get().public_id)
    for kind in ("message", "note"):
        for _ in range(2):
            said = {"do": kind, "text": "Please read both.", "after": shown}
            assert client.post(path_of(seat), said).status_code == 302
        assert CaseEntry.objects.filter(kind=kind).count() == 1
    too_long = {"do": "message", "text": "zq" * 2001, "after": shown}
    response = client.post(path_of(seat), too_long)
    assert response.status_code == 422
    assert "zq" * 2001 in response.content.decode()
    assert seat.rater.user is not None
    rater = as_(seat.rater.user)
    address = f"/rate/cases/{Case.objects.get().public_id}/"
    reply = {"text": "In a hurry.", "after": shown}
    for _ in range(2):
        assert rater.post(address, reply).status_code == 302
    assert CaseEntry.objects.filter(kind="reply").count() == 1
    # The same words to what was said since are new ones.
    newest = CaseEntry.objects.latest("pk").public_id
    assert f'name="after" value="{newest}"' in rater.get(address).content.decode()
    rater.post(address, reply | {"after": str(newest)})
    assert CaseEntry.objects.filter(kind="reply").count() == 2


def test_who_opens_what_is_open_sends_a_message(judged: tuple[Campaign, Seat]) -> None:
    campaign, seat = judged
    for text in ("Can we talk?", "I have another question."):
        client = as_(factories.member(campaign, "manager"))
        for _ in range(2):
            client.post(path_of(seat), {"do": "open", "text": text})
    assert Case.objects.count() == 1
    said = list(CaseEntry.objects.order_by("pk").values_list("kind", "text"))
    assert said == [("opened", "Can we talk?"), ("message", "I have another question.")]
    assert Notification.objects.filter(user=seat.rater.user, kind="case.entry").count() == 2
