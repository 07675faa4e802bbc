"""`…/rounds/`: opened, closed, frozen and trained on from a page, and by whom not."""

from urllib.parse import urlencode

import pytest
from django.urls import reverse

from labeling.actions.claiming import claim_assignment
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import submit_judgment
from labeling.models import Gold, Job, Round, Snapshot, TrainedModel
from tests import factories
from tests.web.building_forms import sent
from tests.web.visiting import as_, page
from workers.metrics import refresh_report
from workers.snapshots import run_freeze

pytestmark = pytest.mark.django_db(transaction=True)

MODELS = ("ash", "birch", "cedar")
FORM = {"pairing": "all", "overlap": "2", "stop_rule": "fixed", "keep": "0"}


@pytest.fixture
def campaign():
    made = factories.campaign(overlap=2, name="Harbours")
    answer(made, 4)
    return made


@pytest.fixture
def url(campaign):
    return reverse("campaign_rounds", args=[campaign.slug])


@pytest.fixture
def manager(campaign):
    return as_(factories.member(campaign, "manager"))


def answer(campaign, prompts, models=MODELS):
    for _ in range(prompts):
        prompt = factories.prompt(campaign)
        for model in models:
            factories.completion(prompt, f"{model} on {prompt.pk}", model)


def judge_all(campaign):
    """Two raters of one mind, who like the model named first best, but not on every prompt.

    They agree, so that every comparison has a winner whoever is given what in which order.
    """
    odd = set(campaign.prompts.order_by("pk").values_list("pk", flat=True)[::4])
    for _ in range(2):
        rater = factories.rater(campaign).rater
        while claimed := claim_assignment(rater=rater, campaign=campaign):
            pair = claimed.comparison
            is_a = pair.completion_a.source.model < pair.completion_b.source.model
            side = claimed.side("a" if is_a != (pair.prompt_id in odd) else "b")
            submit_judgment(rater=rater, assignment_id=claimed.public_id, answer={"side": side})


def body(response, status=200):
    assert response.status_code == status, response.content[:3000]
    return response.content.decode()


def test_a_manager_takes_a_round_from_pairs_to_the_next_one(campaign, url, manager):
    text = page(manager, "campaign_rounds", campaign.slug)
    assert "No round was opened yet." in text
    assert "Expected: 12 comparisons, 24 judgments" in text
    opened = manager.post(url, FORM | {"anchor": "birch"})
    assert (opened.status_code, opened["Location"]) == (302, url)
    first = Round.objects.get()
    assert (first.pairing, first.anchor, first.overlap) == ("all", "birch", 2)
    assert "0 of 24 judgments" in body(manager.get(url))
    judge_all(campaign)
    refresh_report(campaign.pk)
    text = body(manager.get(url))
    assert "24 of 24 judgments" in text
    assert "All judged" in text
    assert "birch is the anchor and held at" in text
    manager.post(reverse("campaign_close_round", args=[campaign.slug, first.public_id]))
    first.refresh_from_db()
    assert first.state == "closed"
    manager.post(reverse("campaign_freeze_round", args=[campaign.slug, first.public_id]))
    assert "under way" in body(manager.get(url))
    run_freeze(Job.objects.get(kind="snapshot").pk)
    snapshot = Snapshot.objects.get()
    assert f"data set {snapshot.number}, 24 judgments" in body(manager.get(url))
    register = reverse("campaign_register_model", args=[campaign.slug, first.public_id])
    manager.post(register, {"name": "ash-2", "base": "ash"})
    made = TrainedModel.objects.get()
    assert (made.name, made.base, made.snapshot) == ("ash-2", "ash", snapshot)
    answer(campaign, 4, (*MODELS, "ash-2"))
    manager.post(url, FORM | {"pairing": "uncertain", "budget": "40", "keep": "3"})
    second = Round.objects.get(number=2)
    assert second.comparisons.count() == 20
    assert second.comparisons.filter(selection_policy="kept").count() == 3
    judge_all(campaign)
    refresh_report(campaign.pk)
    text = body(manager.get(url))
    assert "uncertain first" in text
    assert "Model scores over 2 rounds" in text
    assert "Training brought ash-2" in text or "ash-2, trained from ash" in text
    assert "items asked again in round 2" in text


def test_the_forecast_follows_the_form_and_says_why_there_is_none(campaign, manager):
    address = reverse("campaign_round_forecast", args=[campaign.slug])

    def said(**changed):
        return body(manager.get(f"{address}?{urlencode(FORM | changed)}"))

    assert "12 comparisons, 24 judgments" in said()
    assert "5 comparisons, 10 judgments" in said(budget="11")
    assert "no forecast of days" in said()
    assert "There is no ranking yet" in said(pairing="adjacent")
    assert "Name the model" in said(pairing="baseline")
    assert "cannot be" in said(overlap="0")
    assert "3 comparisons, 12 judgments" in said(
        budget="12", stop_rule="posterior", overlap="3", max_overlap="5", stop_at="80"
    )
    assert not Round.objects.exists()
    campaign.policy = {"pay_per_hour": 20}
    campaign.save()
    manager.post(reverse("campaign_rounds", args=[campaign.slug]), FORM | {"budget": "8"})
    rater = factories.rater(campaign).rater
    while claimed := claim_assignment(rater=rater, campaign=campaign):
        submit_judgment(
            rater=rater,
            assignment_id=claimed.public_id,
            answer={"side": "left", "client": {"active_ms": 36_000}},
        )
    refresh_report(campaign.pk)
    # Eight comparisons are left: 16 judgments of a hundredth of an hour, 20 an hour.
    assert "about EUR 3 at the focused time" in said()
    assert "days at 4 a day" in said()


def test_what_cannot_be_is_said_beside_its_field(campaign, url, manager):
    text = body(manager.post(url, FORM | {"pairing": "baseline"}), 422)
    assert "Name the model that all others are compared with." in text
    text = body(manager.post(url, FORM | {"budget": "1"}), 422)
    assert "1 is not enough for one comparison, 2." in text
    text = body(manager.post(url, FORM | {"pairing": "given"}), 422)
    assert "No comparisons wait" in text
    assert not Round.objects.exists()


def test_a_second_click_opens_no_second_round(campaign, url, manager):
    given = sent(page(manager, "campaign_rounds", campaign.slug), "open", pairing="all", budget="8")
    assert given["number"] == "1"
    for _ in range(2):
        assert manager.post(url, given)["Location"] == url
    assert Round.objects.get().number == 1
    # What is another errand, or another person's, is told what is there and keeps what was typed.
    other = as_(factories.member(campaign, "manager"))
    for client, typed in ((manager, given | {"budget": "6"}), (other, given)):
        text = body(client.post(url, typed), 422)
        assert "Round 1 is open already" in text
        assert f'value="{typed["budget"]}"' in text
        assert 'name="number" value="2"' in text
    factories.rater(campaign)
    factories.comparison(campaign)
    special = reverse("campaign_open_special", args=[campaign.slug, "calibration"])
    assert "Round 1 is open already" in body(manager.post(special, {"items": 2, "number": 1}), 422)
    for _ in range(2):
        assert manager.post(special, {"items": "1", "number": "2"}).status_code == 302
    assert Round.objects.count() == 2
    assert manager.post(url, given | {"number": "3"}).status_code == 302
    assert Round.objects.count() == 3


def test_the_other_kinds_are_opened_from_the_page(campaign, url, manager):
    def special(kind, **sent):
        address = reverse("campaign_open_special", args=[campaign.slug, kind])
        return manager.post(address, sent)

    assert "Nobody has a seat" in body(special("calibration", items="2"), 422)
    factories.rater(campaign)
    factories.comparison(campaign)
    assert special("calibration", items="2").status_code == 302
    assert "nothing to adjudicate" in body(special("adjudication", items="5"), 422)
    known = factories.comparison(campaign)
    Gold.objects.create(comparison=known, preference="a")
    assert "does not ask for a qualification" in body(
        special("qualification", pass_share="80"), 422
    )
    campaign.requirements = {"qualification": campaign.slug}
    campaign.save()
    named = {"pass_share": "80", "comparisons": str(known.public_id)}
    assert special("qualification", **named).status_code == 302
    kinds = list(Round.objects.order_by("number").values_list("kind", "pass_share"))
    assert kinds == [("calibration", None), ("qualification", 0.8)]
    text = body(manager.get(url))
    assert "1, each judged by 1" in text
    assert "80 % right to pass" in text
    assert special("party", items="2").status_code == 404


def test_a_round_that_is_open_is_not_frozen_and_a_name_is_taken_once(campaign, url, manager):
    manager.post(url, FORM)
    first = Round.objects.get()
    freeze = reverse("campaign_freeze_round", args=[campaign.slug, first.public_id])
    assert "Close it first" in body(manager.post(freeze, follow=True))
    register = reverse("campaign_register_model", args=[campaign.slug, first.public_id])
    judge_all(campaign)
    manager.post(register, {"name": "ash-2", "base": "ash"})
    assert "registered already" in body(
        manager.post(register, {"name": "ash-2", "base": "oak"}), 422
    )
    assert "not trained from itself" in body(
        manager.post(register, {"name": "oak", "base": "oak"}), 422
    )
    assert TrainedModel.objects.count() == 1


def test_readers_see_it_all_and_have_no_buttons(campaign, url):
    pair_and_open_round(campaign=campaign, by=None, pairing="all")
    round_ = Round.objects.get()
    for role in ("researcher", "reviewer"):
        client = as_(factories.member(campaign, role))
        text = body(client.get(url))
        assert "Round 1" in text
        assert "<form" not in text.partition("<main")[2]
        assert client.post(url, FORM).status_code == 403
        for name in ("campaign_close_round", "campaign_freeze_round", "campaign_register_model"):
            address = reverse(name, args=[campaign.slug, round_.public_id])
            assert client.post(address, {"name": "x"}).status_code == 403
        special = reverse("campaign_open_special", args=[campaign.slug, "calibration"])
        assert client.post(special, {"items": 1}).status_code == 403
        forecast = reverse("campaign_round_forecast", args=[campaign.slug])
        assert client.get(forecast, FORM).status_code == 403
    assert Round.objects.count() == 1


def test_raters_and_strangers_find_nothing(campaign, url):
    pair_and_open_round(campaign=campaign, by=None, pairing="all")
    round_ = Round.objects.get()
    for person in (factories.rater(campaign).rater.user, factories.user()):
        client = as_(person)
        assert client.get(url).status_code == 404
        assert client.post(url, FORM).status_code == 404
        close = reverse("campaign_close_round", args=[campaign.slug, round_.public_id])
        assert client.post(close).status_code == 404
    other = factories.campaign()
    stranger = as_(factories.member(other, "manager"))
    close = reverse("campaign_close_round", args=[other.slug, round_.public_id])
    assert stranger.post(close).status_code == 404


def test_the_page_asks_the_same_for_many_rounds(
    campaign, url, manager, django_assert_max_num_queries
):
    for _ in range(2):
        pair_and_open_round(campaign=campaign, by=None, pairing="random", budget=2)
    with django_assert_max_num_queries(200) as few:
        body(manager.get(url))
    for _ in range(4):
        pair_and_open_round(campaign=campaign, by=None, pairing="random", budget=2)
    with django_assert_max_num_queries(len(few)):
        body(manager.get(url))
