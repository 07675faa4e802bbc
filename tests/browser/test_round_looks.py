"""The page of rounds is for everybody: at every width, in both themes, with rounds and without."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.claiming import claim_assignment
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import close_round
from labeling.actions.snapshots import freeze_round
from labeling.actions.trained_models import register_model
from labeling.models import Campaign, Rater, Round, Seat
from tests import factories
from tests.browser.test_campaign_looks import look, manager
from workers.metrics import refresh_report
from workers.snapshots import run_freeze

__all__ = ["look", "manager"]

MODELS = ("alder-8b", "baseline-v2", "cedar-14b", "organisation/model-v2.1-chat-awq")


def answered(campaign: Campaign, prompts: int, models: tuple[str, ...]) -> None:
    for _ in range(prompts):
        prompt = factories.prompt(campaign)
        for model in models:
            factories.completion(prompt, f"{model} on {prompt.pk} says so.", model)


def judge_all(campaign: Campaign, raters: list[Rater]) -> None:
    for number, rater in enumerate(raters):
        turn = number
        while claimed := claim_assignment(rater=rater, campaign=campaign):
            turn += 1
            better = min if turn % 4 else max
            models = {
                claimed.comparison.completion_a.source.model or "": "a",
                claimed.comparison.completion_b.source.model or "": "b",
            }
            answer = {"side": claimed.side(models[better(models)]), "strength": 2}
            submit_judgment(rater=rater, assignment_id=claimed.public_id, answer=answer)


def two_rounds(campaign: Campaign) -> None:
    """One frozen and trained on, one being judged, a calibration and an adjudication."""
    raters = [factories.rater(campaign).rater for _ in range(2)]
    answered(campaign, 8, MODELS)
    first = pair_and_open_round(campaign=campaign, by=None, pairing="all", anchor=MODELS[1])
    judge_all(campaign, raters)
    refresh_report(campaign.pk)
    close_round(round_=first, by=None)
    run_freeze(freeze_round(campaign=campaign, round_=first, by=None).pk)
    register_model(campaign=campaign, round_=first, name="alder-8b-dpo", base="alder-8b", by=None)
    answered(campaign, 8, (*MODELS, "alder-8b-dpo"))
    pair_and_open_round(
        campaign=campaign,
        by=None,
        pairing="uncertain",
        budget=120,
        keep=10,
        anchor=MODELS[1],
        stop_rule="posterior",
        max_overlap=4,
    )
    judge_all(campaign, raters)
    refresh_report(campaign.pk)
    pair_and_open_round(campaign=campaign, by=None, kind="adjudication", items=5)
    for _ in range(4):
        factories.comparison(campaign)
    pair_and_open_round(campaign=campaign, by=None, kind="calibration", items=3)


def test_the_page_of_rounds_is_for_everybody(
    manager: Seat, look: Callable[..., None], page: Page
) -> None:
    campaign = manager.campaign
    place = f"/campaigns/{campaign.slug}/rounds/"
    look(place, "no-rounds")
    two_rounds(campaign)
    look(place, "rounds")
    assert page.locator("svg.chart").count() == 1
    assert page.locator("ol.track").count() == Round.objects.filter(campaign=campaign).count() == 4


def test_the_forecast_follows_the_form(
    manager: Seat, page: Page, live_server: LiveServer, troubles: list[str]
) -> None:
    campaign = manager.campaign
    answered(campaign, 4, MODELS)
    page.goto(f"{live_server.url}/campaigns/{campaign.slug}/rounds/")
    expected = page.locator("#forecast")
    assert "24 comparisons, 48 judgments" in expected.inner_text()
    page.get_by_label("Budget, judgments").fill("21")
    page.get_by_label("Budget, judgments").blur()
    expect(expected).to_contain_text("10 comparisons, 20 judgments")
    page.get_by_label("Against a baseline").check()
    expect(expected).to_contain_text("Name the model")
    page.get_by_label("Baseline", exact=True).select_option("baseline-v2")
    expect(expected).to_contain_text("10 comparisons")
    page.get_by_role("button", name="Open round 1").click()
    page.wait_for_url("**/rounds/")
    assert "against baseline-v2" in page.locator("ol.track").inner_text()
    assert troubles == []
