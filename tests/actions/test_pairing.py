"""A round chooses its pairs: by rule and seed, within a budget, with the chance of each."""

from typing import Any

import pytest

from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_waiting
from labeling.actions.trained_models import register_model
from labeling.errors import ConflictError, EndedError, InvalidInputError
from labeling.models import Assignment, AuditEvent, Campaign, Comparison, Judgment, Round, Source
from tests import factories
from tests.concurrency.crowd import check_queue
from workers.imports import open_arrivals
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)

MODELS = ("ash", "birch", "cedar")


def answered(prompts: int = 10, models: tuple[str, ...] = MODELS, **fields: Any) -> Campaign:
    """A campaign with a completion of each model for each prompt, none of them paired."""
    campaign = factories.campaign(**fields)
    answer(campaign, prompts, models)
    return campaign


def answer(campaign: Campaign, prompts: int, models: tuple[str, ...]) -> None:
    for _ in range(prompts):
        prompt = factories.prompt(campaign)
        for model in models:
            factories.completion(prompt, f"{model} on {prompt.pk}", model)


def opened(campaign: Campaign, **asked: Any) -> Round:
    return pair_and_open_round(campaign=campaign, by=None, **asked)


def judge_all(campaign: Campaign, winner: str = "ash") -> None:
    """Answer everything that is open for the model, else for the side on the left."""
    rater = factories.rater(campaign).rater
    while claimed := claim_assignment(rater=rater, campaign=campaign):
        chosen = {
            claimed.comparison.completion_a.source.model: "a",
            claimed.comparison.completion_b.source.model: "b",
        }
        side = claimed.side(chosen[winner]) if winner in chosen else "left"
        submit_judgment(rater=rater, assignment_id=claimed.public_id, answer={"side": side})


def pairs_of(round_: Round) -> list[tuple[int, int]]:
    rows = round_.comparisons.order_by("completion_a", "completion_b")
    return list(rows.values_list("completion_a_id", "completion_b_id"))


def models_of(round_: Round) -> list[frozenset[str | None]]:
    rows = round_.comparisons.values_list(
        "completion_a__source__model", "completion_b__source__model"
    )
    return [frozenset(row) for row in rows]


def test_all_pairs_of_a_prompts_completions_are_made_and_laid():
    campaign = answered(prompts=4, overlap=2)
    round_ = opened(campaign, pairing="all")
    assert len(pairs_of(round_)) == len(set(pairs_of(round_))) == 12
    assert Assignment.objects.filter(comparison__round=round_).count() == 24
    rows = Comparison.objects.values_list("selection_policy", "propensity").distinct()
    assert list(rows) == [("all", 1.0)]
    assert round_.pairing == "all"
    check_queue(campaign)
    told = AuditEvent.objects.get(verb="round.opened")
    assert (told.details["comparisons"], told.details["assignments"]) == (12, 24)


def test_a_budget_of_judgments_bounds_the_comparisons():
    campaign = answered(prompts=10, overlap=3)
    round_ = opened(campaign, pairing="random", budget=20, seed=5)
    assert round_.comparisons.count() == 6
    assert Assignment.objects.count() == 18
    assert {row.propensity for row in round_.comparisons.all()} == {6 / 30}


def test_what_is_left_is_asked_by_the_next_round_and_nothing_twice():
    campaign = answered(prompts=5)
    first = opened(campaign, pairing="all", budget=7)
    second = opened(campaign, pairing="all")
    assert (first.comparisons.count(), second.comparisons.count()) == (7, 8)
    with pytest.raises(ConflictError, match="without a comparison"):
        opened(campaign, pairing="all")
    assert Round.objects.count() == 2


def test_the_seed_alone_gives_the_same_pairs_again():
    campaign = answered(prompts=12)
    first = pairs_of(opened(campaign, pairing="random", budget=9, seed=11))
    for model in (Assignment, Comparison, Round):
        model.objects.all().delete()
    again = pairs_of(opened(campaign, pairing="random", budget=9, seed=11))
    assert again == first
    for model in (Assignment, Comparison, Round):
        model.objects.all().delete()
    assert pairs_of(opened(campaign, pairing="random", budget=9, seed=12)) != first


def test_against_a_baseline_and_what_the_round_remembers():
    campaign = answered(prompts=20)
    round_ = opened(campaign, pairing="baseline", pairing_settings={"baseline": "birch"}, budget=20)
    with_it = sum("birch" in pair for pair in models_of(round_))
    assert with_it >= 17
    assert round_.pairing_settings["baseline"] == "birch"
    assert round_.pairing_settings["uniform_share"] == 0.15
    assert "k" not in round_.pairing_settings
    # 17 of 40 by the rule, then 3 of the 43 left by chance.
    expected = 17 / 40 + (1 - 17 / 40) * 3 / 43
    found = {
        round(row.propensity or 0, 9)
        for row in round_.comparisons.all()
        if "birch" in {row.completion_a.source.model, row.completion_b.source.model}
    }
    assert found == {round(expected, 9)}


def test_uncertain_goes_by_the_newest_report_and_a_new_model_by_its_base():
    campaign = answered(prompts=12)
    first = opened(campaign, pairing="all")
    judge_all(campaign)
    refresh_report(campaign.pk)
    register_model(campaign=campaign, round_=first, name="ash-2", base="ash", by=None)
    answer(campaign, 12, (*MODELS, "ash-2"))
    second = opened(campaign, pairing="uncertain", budget=30, anchor="birch")
    kept = second.pairing_settings
    report = campaign.reports.latest()
    assert kept["report"] == str(report.public_id)
    assert kept["strengths"]["ash"] > max(kept["strengths"][name] for name in ("birch", "cedar"))
    assert kept["strengths"]["ash-2"] == kept["strengths"]["ash"]
    assert sum("ash-2" in pair for pair in models_of(second)) > 15
    assert second.anchor == "birch"


def test_adjacent_needs_a_ranking():
    campaign = answered(prompts=3)
    with pytest.raises(InvalidInputError, match="no ranking yet"):
        opened(campaign, pairing="adjacent")
    assert not Round.objects.exists()
    assert not Comparison.objects.exists()


def test_equal_texts_unknown_texts_and_those_that_name_their_model_make_no_pair():
    campaign = factories.campaign(requirements={"identity": "exclude"})
    prompt = factories.prompt(campaign)
    factories.completion(prompt, "same", "ash")
    factories.completion(prompt, "same", "birch")
    factories.completion(prompt, "I am cedar", "cedar", marks=["identifies_itself"])
    lost = factories.completion(prompt, "lost", "dogwood")
    lost.messages, lost.char_count = None, 0
    lost.save()
    with pytest.raises(ConflictError):
        opened(campaign, pairing="all")


def test_completions_of_no_named_model_are_paired_by_all_alone():
    campaign = answered(prompts=2, models=("ash", "birch"))
    Source.objects.filter(campaign=campaign, model="birch").update(model=None)
    with pytest.raises(ConflictError):
        opened(campaign, pairing="uncertain")
    assert opened(campaign, pairing="all").comparisons.count() == 2


def test_given_takes_what_waits_in_its_order_as_far_as_the_budget_goes():
    campaign = factories.campaign(overlap=2, state="draft")
    made = [factories.comparison(campaign) for _ in range(5)]
    round_ = opened(campaign, budget=7)
    assert list(round_.comparisons.order_by("pk")) == made[:3]
    assert (round_.pairing, round_.budget) == ("given", 7)
    assert Assignment.objects.count() == 6


@pytest.mark.parametrize("asked", [{"budget": 2}, {"kind": "calibration", "items": 2}])
def test_what_a_budget_or_a_calibration_left_waits_for_a_manager(asked):
    campaign = factories.campaign(overlap=1)
    factories.rater(campaign)
    made = [factories.comparison(campaign) for _ in range(5)]
    opened(campaign, **asked)
    left = [one for one in made if one in campaign.comparisons.waiting()]
    assert len(left) == 3
    open_arrivals()
    update_campaign(campaign=campaign, by=None, name="Another name")
    assert list(campaign.comparisons.waiting().order_by("pk")) == left
    # What comes later is put before raters as ever, and what was left stays.
    arrived = factories.comparison(campaign)
    open_arrivals()
    arrived.refresh_from_db()
    assert arrived.round is not None
    assert list(campaign.comparisons.waiting().order_by("pk")) == left
    opened(campaign)
    assert not campaign.comparisons.waiting().exists()


def test_what_arrives_later_does_not_break_into_a_round_that_chose_its_pairs():
    campaign = answered(prompts=3)
    chosen = opened(campaign, pairing="all", budget=4)
    arrived = factories.comparison(campaign)
    other = open_waiting(campaign=campaign, by=None)
    arrived.refresh_from_db()
    assert other is not None
    assert arrived.round == other != chosen
    assert chosen.comparisons.count() == 4


def test_kept_items_are_asked_again_as_comparisons_of_their_own():
    campaign = answered(prompts=6)
    first = opened(campaign, pairing="all", budget=10)
    judge_all(campaign)
    second = opened(campaign, pairing="all", budget=7, keep=4, seed=3)
    kept = second.comparisons.filter(selection_policy="kept")
    assert (kept.count(), second.comparisons.count()) == (4, 7)
    assert {row.propensity for row in kept} == {0.4}
    for row in kept:
        before = first.comparisons.get(completion_a=row.completion_a, completion_b=row.completion_b)
        assert row.external_id == f"kept-2-{before.public_id}"
    check_queue(campaign)
    # The same rater may meet them again: that is what they are for.
    rater = campaign.seats.get().rater
    met = set()
    while claimed := claim_assignment(rater=rater, campaign=campaign):
        met.add(claimed.comparison_id)
        submit_judgment(rater=rater, assignment_id=claimed.public_id, answer={"side": "left"})
    assert met >= {row.pk for row in kept}


def test_a_round_that_a_judge_alone_rated_keeps_nothing():
    campaign = answered(prompts=3)
    opened(campaign, pairing="all", budget=4)
    judge_all(campaign)
    second = opened(campaign, pairing="all", budget=2)
    judge = factories.judge(campaign, "oak").rater
    for row in second.comparisons.all():
        Judgment.objects.create(campaign=campaign, comparison=row, rater=judge, preference="a")
    third = opened(campaign, pairing="all", keep=1)
    (kept,) = third.comparisons.filter(selection_policy="kept")
    assert kept.external_id.startswith("kept-")
    assert not second.comparisons.filter(
        completion_a=kept.completion_a, completion_b=kept.completion_b
    ).exists()


def test_a_round_of_kept_items_alone_is_opened_where_no_new_pair_is_left():
    campaign = answered(prompts=2, models=("ash", "birch"))
    opened(campaign, pairing="all")
    judge_all(campaign)
    with pytest.raises(ConflictError, match="without a comparison"):
        opened(campaign, pairing="all")
    again = opened(campaign, pairing="all", keep=2)
    assert [row.selection_policy for row in again.comparisons.all()] == ["kept", "kept"]
    assert Assignment.objects.filter(comparison__round=again, ended_at=None).count() == 2


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"kind": "party"}, "kind"),
        ({"overlap": 101}, "overlap"),
        ({"budget": 0}, "budget"),
        ({"stop_rule": "never"}, "stop_rule"),
        ({"max_overlap": 5}, "max_overlap"),
        ({"stop_at": 0.8}, "stop_at"),
        ({"stop_rule": "posterior", "overlap": 3, "max_overlap": 2}, "max_overlap"),
        ({"stop_rule": "posterior", "stop_at": 0.4}, "stop_at"),
        ({"anchor": "oak"}, "anchor"),
        ({"keep": 3}, "keep"),
        ({"pairing": "best"}, "pairing"),
        ({"pairing_settings": {"k": 2}}, "pairing_settings"),
        ({"items": 5}, "items"),
        ({"pass_share": 0.5}, "pass_share"),
        ({"kind": "calibration", "budget": 5}, "budget"),
        ({"kind": "calibration", "items": 0}, "items"),
        ({"kind": "adjudication", "items": 0}, "items"),
        ({"kind": "adjudication", "comparisons": ["nowhere"]}, "comparisons"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(asked, field):
    campaign = answered(prompts=1)
    factories.rater(campaign)
    factories.comparison(campaign)
    with pytest.raises(InvalidInputError) as caught:
        opened(campaign, **asked)
    assert caught.value.problems[0].field == field
    assert not Round.objects.exists()


def test_an_archived_campaign_opens_none():
    campaign = answered(prompts=1)
    Campaign.objects.update(state="archived")
    with pytest.raises(EndedError):
        opened(campaign, pairing="all")


def test_the_campaigns_budget_bounds_the_round():
    campaign = answered(prompts=20)
    campaign.policy = {"budget": 12}
    campaign.save()
    first = opened(campaign, pairing="all", budget=5)
    assert first.comparisons.count() == 5
    with pytest.raises(InvalidInputError, match="leaves 7"):
        opened(campaign, pairing="all", budget=8)
    second = opened(campaign, pairing="all")
    assert (second.budget, second.comparisons.count()) == (7, 7)
    with pytest.raises(InvalidInputError, match="0 is not enough"):
        opened(campaign, pairing="all")
