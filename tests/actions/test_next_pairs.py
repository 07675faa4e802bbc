"""A round that learns: its next pairs are chosen while raters work, by what they judged."""

from typing import Any

import pytest
from django.db.models import Q

from labeling.actions.claiming import claim_assignment
from labeling.actions.next_pairs import choose_next
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import close_round
from labeling.actions.stopping import tell_finished
from labeling.errors import InvalidInputError
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    Comparison,
    Judge,
    Rater,
    Round,
    RoutedComparison,
    Routing,
)
from labeling.queries.next_pairs import comparisons_left, wants_next
from tests import factories
from tests.judge_rows import judge_of
from workers.metrics import compute_report
from workers.rounds import choose_next_pairs, settle_all

pytestmark = pytest.mark.django_db

# From the best to the worst: birch and cedar are near each other.
MODELS = ("ash", "birch", "cedar", "dogwood")


def learning(prompts: int = 15, **asked: Any) -> tuple[Campaign, Round]:
    campaign = factories.campaign(overlap=1)
    for _ in range(prompts):
        prompt = factories.prompt(campaign)
        for model in MODELS:
            factories.completion(prompt, f"{model} on {prompt.pk}", model)
    given: dict[str, Any] = {
        "pairing": "uncertain",
        "pairing_settings": {"every": 20},
        "budget": 60,
        "seed": 5,
    } | asked
    return campaign, pair_and_open_round(campaign=campaign, by=None, **given)


def judge(campaign: Campaign, rater: Rater, most: int = 1000) -> int:
    """Answer what is open, always for the better model; how many."""
    for count in range(most):
        claimed = claim_assignment(rater=rater, campaign=campaign)
        if claimed is None:
            return count
        pair = claimed.comparison
        a, b = (MODELS.index(c.source.model or "") for c in (pair.completion_a, pair.completion_b))
        side = claimed.side("a" if a < b else "b")
        submit_judgment(rater=rater, assignment_id=claimed.public_id, answer={"side": side})
    return most


def open_count(campaign: Campaign) -> int:
    return Assignment.objects.filter(campaign=campaign, rater=None, ended_at=None).count()


def test_the_round_opens_with_the_first_pairs_and_draws_the_next_when_little_is_open():
    campaign, round_ = learning()
    rater = factories.rater(campaign).rater
    assert round_.comparisons.count() == 20
    assert round_.pairing_settings["every"] == 20
    # Nothing while enough is open.
    choose_next_pairs()
    assert round_.comparisons.count() == 20
    judge(campaign, rater, 15)
    compute_report(campaign)
    choose_next_pairs()
    assert round_.comparisons.count() == 40
    assert open_count(campaign) == 25
    # A second worker at the same moment finds enough open.
    assert choose_next(round_=round_) == 0
    assert round_.comparisons.count() == 40


def test_it_goes_by_what_was_judged_and_keeps_the_chance_of_each():
    campaign, round_ = learning()
    judge(campaign, factories.rater(campaign).rater)
    report = compute_report(campaign)
    before = set(round_.comparisons.values_list("pk", flat=True))
    assert choose_next(round_=round_) == 20
    new = Comparison.objects.filter(round=round_).exclude(pk__in=before)
    assert set(new.values_list("selection_policy", flat=True)) == {"uncertain"}
    # Pairs of models that beat each other all the time are asked about less than evenly.
    chances = {
        frozenset((row.completion_a.source.model, row.completion_b.source.model)): row.propensity
        for row in new.select_related("completion_a__source", "completion_b__source")
    }
    assert all(0 < chance <= 1 for chance in chances.values() if chance is not None)
    assert len(set(chances.values())) > 1
    assert min(chances, key=lambda pair: chances[pair] or 0) == frozenset(("ash", "dogwood"))
    round_.refresh_from_db()
    assert round_.pairing_settings["report"] == str(report.public_id)
    told = AuditEvent.objects.get(verb="round.extended")
    assert told.details["comparisons"] == 20
    assert told.details["strengths"] == round_.pairing_settings["strengths"]


def test_it_ends_at_its_budget_and_is_finished_only_then():
    campaign, round_ = learning()
    rater = factories.rater(campaign).rater
    total = judge(campaign, rater)
    assert not tell_finished(round_=round_)
    while laid := choose_next(round_=round_):
        total += judge(campaign, rater)
        assert laid <= 20
    assert total == 60
    round_.refresh_from_db()
    assert not wants_next(round_)
    assert tell_finished(round_=round_)


def test_what_items_leave_that_stop_early_is_chosen_for():
    campaign, round_ = learning(overlap=3, stop_rule="curtailed", budget=30)
    assert round_.comparisons.count() == 6
    assert comparisons_left(round_) == 4
    Assignment.objects.filter(campaign=campaign, ordinal=3).update(
        ended_at=campaign.created_at, outcome="cancelled"
    )
    assert comparisons_left(round_) == 6


def test_without_candidates_it_is_finished_before_its_budget():
    campaign, round_ = learning(prompts=3, budget=500)
    rater = factories.rater(campaign).rater
    while judge(campaign, rater):
        choose_next(round_=round_)
    assert round_.comparisons.count() == 18
    round_.refresh_from_db()
    assert round_.pairing_settings["is_exhausted"]
    assert tell_finished(round_=round_)


@pytest.mark.parametrize("gone", ["closed", "paused"])
def test_nothing_is_chosen_where_nobody_may_judge(gone: str):
    campaign, round_ = learning()
    judge(campaign, factories.rater(campaign).rater)
    if gone == "closed":
        close_round(round_=round_, by=None)
    else:
        Campaign.objects.filter(pk=campaign.pk).update(state="paused")
    choose_next_pairs()
    assert choose_next(round_=round_) == 0
    assert round_.comparisons.count() == 20


@pytest.mark.parametrize(
    "asked",
    [
        {"budget": None},
        {"pairing": "random"},
        {"pairing": "baseline", "pairing_settings": {"every": 20, "baseline": "ash"}},
        {"pairing_settings": {"every": 3}},
    ],
)
def test_settings_that_make_no_sense_are_refused(asked: dict[str, Any]):
    with pytest.raises(InvalidInputError) as refusal:
        learning(**asked)
    assert refusal.value.problems[0].field == "pairing_settings.every"


def test_an_evalue_rule_asks_on_until_the_evidence_is_there():
    campaign, round_ = learning(
        pairing="all", pairing_settings={}, budget=8, stop_rule="evalue", stop_at=0.8, overlap=2
    )
    assert (round_.stops_by, round_.max_overlap) == ("evalue", 8)
    assert round_.comparisons.count() == 1
    votes = 0
    for _ in range(8):
        votes += judge(campaign, factories.rater(campaign).rater, 1)
        settle_all()
    # Five alike are evidence of 2⁵/6 > 5; six would be too many.
    assert votes == 5
    assert not Assignment.objects.filter(Q(campaign=campaign, ended_at=None)).exists()


def test_what_a_judge_took_instead_of_people_is_of_the_budget_too():
    campaign, round_ = learning()
    judge_ = judge_of(campaign)
    Judge.objects.filter(pk=judge_.pk).update(state="active")
    Routing.objects.create(
        campaign=campaign, judge=judge_, cut=0.8, audit_share=0.2, seed=1, rubric_key=b"r" * 32
    )
    judge(campaign, factories.rater(campaign).rater)
    compute_report(campaign)
    for _ in range(6):
        choose_next_pairs()
    # Twenty that people judged, and twenty that wait for the judge: as much as is open at a time.
    assert (round_.comparisons.count(), open_count(campaign)) == (40, 0)
    RoutedComparison.objects.update(expected_accuracy=0.9)
    for _ in range(6):
        choose_next_pairs()
        RoutedComparison.objects.update(expected_accuracy=0.9)
    # The judge decides all: the budget of sixty is the end of it.
    assert round_.comparisons.count() == 60
    assert not wants_next(Round.objects.get(pk=round_.pk))
