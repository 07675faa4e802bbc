"""The review pages: what is contested comes first, who may decide, and what raters are told."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeling.actions.adjudications import adjudicate, leave_out, send_back
from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.models import Adjudication, Campaign, Comparison, User
from tests import factories
from tests.judging import judged
from tests.web.visiting import as_, page

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = {"scale": 7, "tie": True, "both_bad": True, "rationale": "optional"}


@pytest.fixture
def campaign() -> Campaign:
    cache.clear()
    return factories.campaign(overlap=3, schema=SCHEMA)


@pytest.fixture
def reviewer(campaign: Campaign) -> User:
    return factories.member(campaign, "reviewer")


@pytest.fixture
def items(campaign: Campaign) -> list[Comparison]:
    """Agreed, two against one, and two against a tie, which is less of a quarrel."""
    answers = {"one": ["a", "a", "a"], "two": ["a", "b", "a"], "three": ["a", "b", "tie"]}
    return judged(campaign, answers)


def address(item: Comparison) -> str:
    return reverse("campaign_review_one", args=[item.campaign.slug, item.public_id])


def listed(client: Client, campaign: Campaign, **query: str) -> list[Comparison]:
    """The comparisons of the list, in its order."""
    response = client.get(reverse("campaign_review", args=[campaign.slug]), query)
    assert response.status_code == 200
    return [row.comparison for _, row, _ in response.context["rows"]]


def test_the_most_contested_comes_first_and_what_is_agreed_is_not_there(
    campaign: Campaign, reviewer: User, items: list[Comparison]
) -> None:
    client = as_(reviewer)
    agreed, opposed, half_opposed = items
    assert listed(client, campaign) == [opposed, half_opposed]
    # The number stands in the tab of every page of the campaign.
    assert 'aria-label="Review 2 to decide"' in page(client, "campaign_prompts", campaign.slug)
    assert agreed not in listed(client, campaign, state="all")


def test_flagged_ones_come_though_one_rater_alone_judged_them(
    campaign: Campaign, reviewer: User
) -> None:
    (item,) = factories.open_comparisons(campaign, 1)
    seat = factories.rater(campaign)
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    answer = {"side": "left", "strength": 2, "flags": ["unsafe"]}
    submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer=answer)
    client = as_(reviewer)
    assert listed(client, campaign) == [item]
    assert listed(client, campaign, flagged="1") == [item]
    assert listed(client, campaign, edited="1") == []
    assert listed(client, campaign, tag="none") == []
    assert listed(client, campaign, clause="T1") == []


def test_a_comparison_shows_all_judgments_under_pseudonyms_and_no_model(
    campaign: Campaign, reviewer: User, items: list[Comparison]
) -> None:
    html = as_(reviewer).get(address(items[1])).content.decode()
    seats = campaign.seats.all()
    assert len(seats) == 3
    for seat in seats:
        assert seat.pseudonym in html
        assert seat.rater.user is not None
        assert f'<th scope="row">{seat.rater.user.username}' not in html
    assert "model-one" not in html
    assert "too few" in html
    assert "3 raters, 33 % of their pairs agree" in html


def test_deciding_leads_to_the_next_and_takes_it_off_the_list(
    campaign: Campaign, reviewer: User, items: list[Comparison]
) -> None:
    client = as_(reviewer)
    page(client, "campaign_prompts", campaign.slug)
    answer = client.post(
        address(items[1]), {"verdict": "left:1", "note": "Format.", "do": "decide"}
    )
    assert answer.status_code == 303
    assert str(items[2].public_id) in answer["Location"]
    made = Adjudication.objects.get()
    assert (made.preference, made.strength, made.by) == ("a", 1, reviewer)
    assert listed(client, campaign) == [items[2]]
    assert listed(client, campaign, state="decided") == [items[1]]
    assert 'aria-label="Review 1 to decide"' in page(client, "campaign_prompts", campaign.slug)
    shown = client.get(answer["Location"]).content.decode()
    assert "Decided" in shown
    # The last one leads back to the list.
    last = client.post(address(items[2]), {"both_bad": "1", "do": "decide"})
    assert last["Location"].startswith(reverse("campaign_review", args=[campaign.slug]))
    assert Adjudication.objects.standing().get(comparison=items[2]).preference == "both_bad"


def test_nothing_chosen_says_so_and_keeps_what_was_written(
    reviewer: User, items: list[Comparison]
) -> None:
    answer = as_(reviewer).post(address(items[1]), {"note": "My words."})
    assert answer.status_code == 422
    assert "Choose a step of the scale first." in answer.content.decode()
    assert "My words." in answer.content.decode()
    assert not Adjudication.objects.exists()


def test_the_second_reviewer_is_told_and_may_then_decide_anew(
    campaign: Campaign, reviewer: User, items: list[Comparison]
) -> None:
    adjudicate(comparison=items[1], by=reviewer, preference="a", strength=1, note="Mine.")
    other = as_(factories.member(campaign, "reviewer"))
    sent = {"verdict": "right:2", "note": "B is right.", "supersedes": ""}
    answer = other.post(address(items[1]), sent)
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "Another reviewer was here meanwhile" in html
    assert "B is right." in html
    assert "Mine." in html
    supersedes = answer.context["supersedes"]
    assert other.post(address(items[1]), sent | {"supersedes": str(supersedes)}).status_code == 303
    assert Adjudication.objects.standing().get(comparison=items[1]).preference == "b"


def test_sent_back_it_waits_for_raters_and_comes_again(
    campaign: Campaign, reviewer: User, items: list[Comparison]
) -> None:
    seat = factories.rater(campaign)
    client = as_(reviewer)
    sent = {"do": "send_back", "more": "1", "note": "One more."}
    assert client.post(address(items[1]), sent).status_code == 303
    assert items[1] not in listed(client, campaign)
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    answer = {"side": "left", "strength": 1}
    submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer=answer)
    assert items[1] in listed(client, campaign)


def test_left_out_needs_a_reason(reviewer: User, items: list[Comparison]) -> None:
    client = as_(reviewer)
    refused = client.post(address(items[1]), {"do": "leave_out"})
    assert refused.status_code == 422
    assert "Say why" in refused.content.decode()
    sent = {"do": "leave_out", "note": "The prompt is broken."}
    assert client.post(address(items[1]), sent).status_code == 303
    assert Adjudication.objects.get().outcome == "left_out"


@pytest.mark.parametrize(
    ("role", "reads", "writes"), [("researcher", 200, 403), ("rater", 404, 404), (None, 404, 404)]
)
def test_who_may_look_and_who_may_decide(
    campaign: Campaign, items: list[Comparison], role: str | None, reads: int, writes: int
) -> None:
    person = as_(factories.member(campaign, role) if role else factories.user())
    shown = person.get(address(items[1]))
    assert shown.status_code == reads
    assert "Your decision" not in shown.content.decode()
    assert person.get(reverse("campaign_review", args=[campaign.slug])).status_code == reads
    for verb in ("decide", "send_back", "leave_out"):
        sent = {"verdict": "left:1", "note": "x", "do": verb}
        assert person.post(address(items[1]), sent).status_code == writes
    assert not Adjudication.objects.exists()


def test_a_comparison_of_another_campaign_is_not_there(
    reviewer: User, items: list[Comparison]
) -> None:
    elsewhere = factories.comparison(factories.campaign())
    place = reverse("campaign_review_one", args=[items[0].campaign.slug, elsewhere.public_id])
    assert as_(reviewer).get(place).status_code == 404
    assert as_(reviewer).post(place, {"verdict": "left:1"}).status_code == 404


def test_the_list_costs_the_same_for_one_and_for_many(
    campaign: Campaign, reviewer: User, items: list[Comparison]
) -> None:
    client = as_(reviewer)
    place = reverse("campaign_review", args=[campaign.slug])
    client.get(place)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            client.get(place)
        counts.append(len(captured))
        judged(campaign, {f"r{len(counts)}{k}": ["a", "b"] if k else ["b", "a"] for k in range(3)})
    assert counts[0] == counts[1] <= 20


def test_a_sent_back_one_that_waits_and_one_left_out_have_their_own_lists(
    campaign: Campaign, reviewer: User, items: list[Comparison]
) -> None:
    factories.rater(campaign)
    send_back(comparison=items[1], by=reviewer, more=1)
    leave_out(comparison=items[2], by=reviewer, note="Broken.")
    client = as_(reviewer)
    assert listed(client, campaign) == []
    assert listed(client, campaign, state="sent_back") == [items[1]]
    assert listed(client, campaign, state="left_out") == [items[2]]


def test_an_edit_of_the_winner_is_shown_word_by_word() -> None:
    cache.clear()
    campaign = factories.campaign(overlap=1, schema=SCHEMA | {"edit_winner": True})
    (item,) = factories.open_comparisons(campaign, 1)
    seat = factories.rater(campaign)
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    side = held.side("b")
    edited = {"side": side, "text": "A text <b>nobody</b> wrote."}
    answer = {"side": side, "strength": 2, "edited": edited}
    submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer=answer)
    html = as_(factories.member(campaign, "reviewer")).get(address(item)).content.decode()
    assert "B edited" in html
    assert "&lt;b&gt;nobody&lt;/b&gt;" in html
    assert "<ins>" in html
    assert "<b>nobody</b>" not in html


def test_by_page_the_answers_to_criteria_stay_and_what_is_not_asked_is_refused() -> None:
    criteria = [{"key": "truth", "label": "Truth"}]
    asked = {"scale": 4, "tie": False, "both_bad": False, "criteria": criteria}
    item = factories.comparison(factories.campaign(schema=asked))
    user = factories.member(item.campaign, "reviewer")
    first = adjudicate(
        comparison=item, by=user, preference="a", strength=1, criteria={"truth": "b"}
    )
    client = as_(user)
    given = {"supersedes": str(first.public_id), "do": "decide"}
    for odd in ({"both_bad": "1"}, {"verdict": "tie:0"}, {"verdict": "left:3"}):
        assert client.post(address(item), given | odd).status_code == 422
    assert client.post(address(item), given | {"verdict": "right:2"}).status_code == 303
    made = Adjudication.objects.standing().get(comparison=item)
    assert (made.preference, made.strength, made.criteria) == ("b", 2, {"truth": "b"})
