"""The page of judges: what managers and researchers see and do there, and that raters have none."""

import csv
import io

import pytest
from django.urls import reverse

from labeling.actions.routing import route_waiting
from labeling.models import Campaign, Comparison, Endpoint, Judge, JudgeCall, Routing
from tests import factories
from tests.judge_rows import judge_of, known_judge, says
from tests.judging.routings import arrive, slots, switched_on
from tests.web.visiting import as_, page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(state="draft", overlap=3)


def test_a_page_without_judges_says_so_and_offers_one(campaign: Campaign) -> None:
    said = page(as_(factories.member(campaign, "manager")), "campaign_judges", campaign.slug)
    assert "No judge rates here yet" in said and "needs an endpoint" in said
    assert "Judges never count as people" in said


def test_a_manager_adds_a_judge_has_it_rate_and_pauses_it(campaign: Campaign) -> None:
    judge_of(campaign, "first")
    factories.comparison(campaign)
    client = as_(factories.member(campaign, "manager"))
    here = reverse("campaign_judges", args=[campaign.slug])
    endpoint = Judge.objects.get().endpoint
    fields = {
        "endpoint": str(endpoint.public_id),
        "name": "spruce, old",
        "rubric": "Prefer what is true.",
        "persona": "age: 60 and over\nregion: north",
        "samples": "2",
        "share": "50",
        "budget_calls": "100",
        "both_orders": "on",
    }
    wrong = client.post(here, fields | {"persona": "old", "samples": "99"})
    assert wrong.status_code == 422
    assert "Write one group a line" in wrong.content.decode()
    assert client.post(here, fields).status_code == 302
    made = Judge.objects.get(name="spruce, old")
    assert made.persona == {"age": "60 and over", "region": "north"}
    assert (made.samples, made.share, made.both_orders) == (2, 0.5, True)
    assert (made.budget_calls, made.budget_cost, made.follows_guidelines) == (100, None, False)
    again = client.post(here, fields)
    assert again.status_code == 422 and "has this name" in again.content.decode()

    def move(verb: str) -> str:
        address = reverse("campaign_judge_move", args=[campaign.slug, first.public_id, verb])
        return client.post(address, follow=True).content.decode()

    first = Judge.objects.get(name="first")
    assert "is asked about 1 comparisons in 2 calls" in move("ask")
    assert JudgeCall.objects.filter(judge=first).count() == 2
    assert "has nothing new to rate" in move("ask")
    assert "Paused" in move("pause")
    assert "Ready" in move("resume")
    assert "Retired" in move("retire")
    unknown = reverse("campaign_judge_move", args=[campaign.slug, first.public_id, "dance"])
    assert client.post(unknown).status_code == 404


def test_figures_charts_and_tables_stand_together(campaign: Campaign) -> None:
    judge, report = known_judge(campaign)
    client = as_(factories.member(campaign, "researcher"))
    said = page(client, "campaign_judges", campaign.slug)
    row = report.body["judges"][0]
    for figure in ("agreement", "one_person"):
        assert f"{row[figure]['value'] * 100:.1f} %" in said
    assert "One person" in said and "Yardstick" in said and judge.name in said
    assert said.count('class="chart"') == 2 and said.count("Show as a table") == 2
    # 120 judgments for 1.20.
    assert "€ 0.01" in said
    # A researcher reads and does nothing.
    assert "Use it" not in said and "Add a judge" not in said
    assert "nan" not in said.lower().replace("financ", "")


def test_the_slider_is_a_plain_get(campaign: Campaign) -> None:
    _, report = known_judge(campaign)
    client = as_(factories.member(campaign, "manager"))
    points = {one["cut"]: one for one in report.body["judges"][0]["routing"]["points"]}
    for cut in (0.75, 1.0):
        said = page(client, "campaign_judges", campaign.slug, cut=str(round(cut * 100)))
        assert f'value="{round(cut * 100)}"' in said
        assert f"{points[cut]['accuracy']['value'] * 100:.1f} %" in said
        assert f"{points[cut]['share']['value'] * 100:.0f} % of items" in said
    # Of what it is not sure of, it decides nothing, and cannot be used.
    assert "Use it" not in said and "would decide nothing" in said
    for odd in ("x", "-3", "1e9", "nan", ""):
        page(client, "campaign_judges", campaign.slug, cut=odd, judge=odd)


def test_a_manager_lets_a_judge_decide_and_stops_it(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    client = as_(factories.member(campaign, "manager"))
    use = reverse("campaign_judge_move", args=[campaign.slug, judge.public_id, "use"])
    said = client.post(use, {"cut": "0.75", "audit_share": "0.1"}, follow=True).content.decode()
    routing = Routing.objects.get()
    assert (routing.cut, routing.audit_share, routing.ended_at) == (0.75, 0.1, None)
    assert "decides what it is sure of" in said and "Switch it off" in said
    assert "No audited comparison has its people" in said
    again = client.post(use, {"cut": "0.75", "audit_share": "0.1"}, follow=True)
    assert "A judge decides here already" in again.content.decode()
    end = reverse("campaign_routing_end", args=[campaign.slug])
    assert "People decide everything again" in client.post(end, follow=True).content.decode()
    routing.refresh_from_db()
    assert routing.ended_at is not None
    wrong = client.post(use, {"cut": "0.75", "audit_share": "7"})
    assert wrong.status_code == 422 and "7 is not one of" in wrong.content.decode()
    assert Routing.objects.count() == 1


def test_a_manager_hands_back_what_the_judge_decided(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    routing = switched_on(campaign, judge, audit_share=0.05)
    made = arrive(campaign, 8)
    for comparison in made:
        says(judge, comparison, "a", 0.95)
    route_waiting(campaign=campaign)
    client = as_(factories.member(campaign, "manager"))
    assert "Have people decide them" in page(client, "campaign_judges", campaign.slug)
    back = reverse("campaign_judge_move", args=[campaign.slug, judge.public_id, "hand-back"])
    for unknown in ("x", str(judge.public_id), ""):
        answer = client.post(back, {"routing": unknown}, follow=True)
        assert "There is no such routing" in answer.content.decode()
    done = client.post(back, {"routing": str(routing.public_id)}, follow=True).content.decode()
    assert "that spruce had decided" in done and "Have people decide them" not in done
    assert all(slots(comparison) == 3 for comparison in made)


def test_a_manager_changes_a_judge_and_hears_what_is_wrong_beside_the_field(
    campaign: Campaign,
) -> None:
    judge = judge_of(campaign, sampling={"temperature": 0.5, "top_p": 0.9})
    client = as_(factories.member(campaign, "manager"))
    change = reverse("campaign_judge_move", args=[campaign.slug, judge.public_id, "change"])
    fields = {"rubric": "Mind the tone.", "temperature": "0.1", "budget_calls": "40"}
    assert client.post(change, fields).status_code == 302
    judge.refresh_from_db()
    assert (judge.rubric, judge.budget_calls) == ("Mind the tone.", 40)
    assert judge.sampling == {"temperature": 0.1, "top_p": 0.9}
    assert client.post(change, fields | {"temperature": ""}).status_code == 302
    judge.refresh_from_db()
    assert judge.sampling == {"top_p": 0.9}
    wrong = client.post(change, fields | {"budget_calls": "-1"})
    assert wrong.status_code == 422 and "greater than or equal to 1" in wrong.content.decode()
    Endpoint.objects.update(price={})
    unpriced = client.post(change, fields | {"budget_cost": "5"})
    assert unpriced.status_code == 422 and "has no price" in unpriced.content.decode()
    judge.refresh_from_db()
    assert (judge.budget_calls, judge.budget_cost) == (40, None)


def test_what_asking_would_cost_is_said_before_it_is_asked(campaign: Campaign) -> None:
    judge = judge_of(campaign)
    for _ in range(4):
        factories.comparison(campaign)
    client = as_(factories.member(campaign, "manager"))
    asked = {"asking": str(judge.public_id)}
    said = page(client, "campaign_judges", campaign.slug, **asked)
    assert "about 4 comparisons in 8 calls" in said and "by the length of the texts" in said
    assert not JudgeCall.objects.exists()
    says(judge, Comparison.objects.earliest("pk"), "a")
    JudgeCall.objects.update(cost="0.25")
    said = page(client, "campaign_judges", campaign.slug, **asked)
    assert "about 3 comparisons in 6 calls, about € 1.50: each as its calls so far" in said
    # As many as asking then lays.
    move = reverse("campaign_judge_move", args=[campaign.slug, judge.public_id, "ask"])
    assert "about 3 comparisons in 6 calls" in client.post(move, follow=True).content.decode()
    said = page(client, "campaign_judges", campaign.slug, **asked)
    assert "It has nothing new to rate." in said
    Endpoint.objects.update(price={})
    page(client, "campaign_judges", campaign.slug, asking="x")


def test_why_a_judge_stands_at_its_budget_is_said(campaign: Campaign) -> None:
    judge = judge_of(campaign, budget_cost="5")
    Judge.objects.update(state="budget", cost=5)
    client = as_(factories.member(campaign, "manager"))
    said = page(client, "campaign_judges", campaign.slug)
    assert "At its budget" in said and "Resume" not in said
    Judge.objects.update(cost=1)
    price = judge.endpoint.price
    Endpoint.objects.update(price={})
    said = page(client, "campaign_judges", campaign.slug)
    assert "It is asked nothing while its cap on cost cannot be kept. spruce-70b has no price" in (
        said
    )
    assert "Resume" not in said
    Endpoint.objects.update(price=price)
    said = page(client, "campaign_judges", campaign.slug)
    assert "asked nothing" not in said and "Resume" in said
    resume = reverse("campaign_judge_move", args=[campaign.slug, judge.public_id, "resume"])
    assert "Ready" in client.post(resume, follow=True).content.decode()


def test_the_file_has_every_figure(campaign: Campaign) -> None:
    _, report = known_judge(campaign)
    client = as_(factories.member(campaign, "researcher"))
    response = client.get(reverse("campaign_judges_file", args=[campaign.slug]))
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    rows = {row["figure"]: row for row in csv.DictReader(io.StringIO(text.lstrip("\ufeff")))}
    row = report.body["judges"][0]
    assert float(rows["agreement"]["value"]) == pytest.approx(row["agreement"]["value"])
    assert rows["own_model_lean"]["value"] == "" and rows["own_model_lean"]["why"]
    assert float(rows["accuracy_cut_everything"]["value"]) == pytest.approx(
        row["routing"]["judge"]["value"]
    )


@pytest.mark.parametrize("name", ["campaign_judges", "campaign_judges_file"])
def test_raters_have_no_such_page(campaign: Campaign, name: str) -> None:
    seat = factories.rater(campaign)
    assert seat.rater.user is not None
    response = as_(seat.rater.user).get(reverse(name, args=[campaign.slug]))
    assert response.status_code == 404


def test_researchers_change_nothing(campaign: Campaign) -> None:
    judge = judge_of(campaign)
    client = as_(factories.member(campaign, "researcher"))
    for address in (
        reverse("campaign_judges", args=[campaign.slug]),
        reverse("campaign_judge_move", args=[campaign.slug, judge.public_id, "retire"]),
        reverse("campaign_routing_end", args=[campaign.slug]),
    ):
        assert client.post(address).status_code == 403
    judge.refresh_from_db()
    assert judge.state == "active"


def test_the_page_costs_as_many_queries_whatever_there_is(
    campaign: Campaign, django_assert_max_num_queries: object
) -> None:
    client = as_(factories.member(campaign, "manager"))
    known_judge(campaign, 20)
    for k in range(8):
        judge_of(campaign, f"judge {k}")
    with django_assert_max_num_queries(30):  # type: ignore[operator]
        page(client, "campaign_judges", campaign.slug)
