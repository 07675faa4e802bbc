"""Plans: design effect, power, labels; item effects found again; labels open; choices undone."""

from itertools import product

import numpy as np
import pytest

from bench.choosing import power_seen
from labeling.metrics.item_effects import item_effects
from labeling.metrics.planning import Study, answer_of, other_ways
from labeling.metrics.power import (
    design_effect,
    item_correlation,
    judgments_needed,
    label_changes,
    labels,
    power,
    rate_told,
    score_reach,
    sd_of_correlation,
)
from labeling.metrics.stopping_now import intervals_left, labels_open
from labeling.metrics.votes import Votes
from labeling.metrics.weighted_rates import Drawn, total, weighted_mean, weighted_rates


def planted(sd: float, *, items: int = 1500, votes: int = 3, seed: int = 1) -> Votes:
    """Votes on items between six models, items having effects of their own."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(0, 0.8, 6)
    a = rng.integers(0, 6, items)
    b = (a + rng.integers(1, 6, items)) % 6
    chance = 1 / (1 + np.exp(-(strength[a] - strength[b] + rng.normal(0, sd, items))))
    item = np.repeat(np.arange(items), votes)
    return Votes.from_columns(
        comparison=item,
        rater=np.tile(np.arange(votes), items),
        preference=(rng.random(items * votes) > chance[item]).astype(int),
        model_a=a[item],
        model_b=b[item],
        model_names={k: f"m{k}" for k in range(6)},
        rater_names={k: f"r{k}" for k in range(votes)},
    )


def test_the_correlation_of_votes_on_one_item_against_a_fine_sum():
    """∫ σ(u)² φ(u/s)/s du − ¼, over ¼, by a sum over a fine grid."""
    u = np.linspace(-40, 40, 400_001)
    for sd in (0.5, 1.0, 2.0):
        weight = np.exp(-((u / sd) ** 2) / 2)
        p = 1 / (1 + np.exp(-u))
        variance = (weight * (p - 0.5) ** 2).sum() / weight.sum()
        assert item_correlation(0.5, sd) == pytest.approx(4 * variance, abs=1e-6)
        assert sd_of_correlation(item_correlation(0.5, sd)) == pytest.approx(sd, abs=1e-6)
    assert item_correlation(0.5, 0.0) == 0.0


def test_the_figures_of_a_planned_study():
    # 55 % takes 785 independent votes; with three an item and effects of 1 a third more.
    assert judgments_needed(0.55, 0.8, 1.0) == pytest.approx(785, abs=0.5)
    assert design_effect(0.5, 1.0, 3) == pytest.approx(1.347, abs=1e-3)
    assert power(0.55, judgments_needed(0.55, 0.8, 1.3), 1.3) == pytest.approx(0.8, abs=1e-3)
    assert rate_told(judgments_needed(0.55, 0.9, 1.3), 0.9, 1.3) == pytest.approx(0.55)
    assert rate_told(3, 0.8, 1.0) is None
    assert power(0.5, 1000, 1.0) == pytest.approx(0.05)


def test_a_score_reaches_as_far_as_the_inverse_of_its_information():
    n, models = 1080, 5
    information = n / 4 * (models * np.eye(models) - np.ones((models, models)))
    error = np.sqrt(np.linalg.pinv(information)[0, 0] * 1.35)
    assert score_reach(models, n, 1.35) == pytest.approx(1.959964 * 400 / np.log(10) * error)
    assert score_reach(1, n, 1.0) is None


@pytest.mark.parametrize(("sd", "votes"), [(1.0, 3), (2.0, 5)])
def test_a_plan_of_eighty_per_cent_finds_it_in_eight_of_ten_simulated_studies(sd, votes):
    items = round(judgments_needed(0.55, 0.8, design_effect(0.55, sd, votes)) / votes)
    seen = power_seen(
        np.random.default_rng(5), rate=0.55, sd=sd, items=items, votes=votes, runs=1000
    )
    assert seen == pytest.approx(0.8, abs=0.04)


def test_the_majority_of_three_by_hand():
    """Without effects no side is better, so a label is right half of the time; with them more."""
    assert labels("fixed", 0.0, 3).right == pytest.approx(0.5)
    assert labels("fixed", 1.0, 1).votes == 1
    assert 0.5 < labels("fixed", 1.0, 3).right < labels("fixed", 1.0, 5).right < 1
    assert labels("curtailed", 1.0, 5).right == pytest.approx(labels("fixed", 1.0, 5).right)


def test_other_ways_ask_the_same_question():
    study = Study(models=5, raters=23, seconds=70, price=0.52)
    answers = {way.name: answer_of(way.study, per_day=100) for way in other_ways(study)}
    assert answers["As above"].judgments == 10_560
    assert answers["As above"].days == pytest.approx(105.6)
    assert answers["Uncertain pairs first"].judgments == 7_605
    # It knows some models better than others: no one reach holds for all.
    assert answers["Uncertain pairs first"].score_reach is None
    assert answers["One rater per comparison"].score_reach is not None
    assert answers["One rater per comparison"].judgments == 7_850
    assert answers["5 raters per comparison"].label_right > answers["As above"].label_right
    assert answers["Find 52.5 % instead"].judgments > 4 * 10_000
    even = {round(one.rate_reach or 0, 3) for one in list(answers.values())[2:5]}
    assert even == {0.035}


@pytest.mark.parametrize("sd", [0.0, 1.0, 2.0])
def test_item_effects_are_found_again(sd: float):
    found = item_effects(planted(sd))
    assert found.value is not None and found.low is not None and found.high is not None
    assert found.low <= sd <= found.high
    assert found.value == pytest.approx(sd, abs=0.35)


def test_item_effects_need_items_with_two_votes():
    found = item_effects(planted(1.0, items=100, votes=1))
    assert found.value is None
    assert "two raters" in found.why
    assert item_effects(planted(1.0, items=3)).value is None


def by_orders(votes: tuple[int, int, int], more: int) -> float:
    """The chance of another leader, over every order in which the votes may come."""

    def leader(counts: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(k for k in range(3) if counts[k] == max(counts))

    changed = 0.0
    for order in product(range(3), repeat=more):
        counts, chance = list(votes), 1.0
        for answer in order:
            chance *= (counts[answer] + 1) / (sum(counts) + 3)
            counts[answer] += 1
        now, then = leader(votes), leader(tuple(counts))
        changed += chance * (then != now and not (len(now) > 1 and len(then) > 1))
    return changed


@pytest.mark.parametrize("votes", [(2, 0, 1), (1, 0, 0), (0, 0, 0), (1, 1, 1), (5, 0, 0)])
@pytest.mark.parametrize("more", [0, 1, 3])
def test_what_missing_votes_may_change_is_the_sum_over_their_orders(votes, more):
    assert label_changes(*votes, more) == pytest.approx(by_orders(votes, more), abs=1e-12)


def test_labels_that_are_open_are_counted_by_what_they_lack():
    counts = np.array([[2, 0, 0], [2, 0, 0], [1, 0, 1], [0, 0, 0], [3, 0, 0]])
    found = labels_open(counts, np.array([1, 1, 1, 3, 0]))
    assert (found["comparisons"], found["judgments"]) == (4, 6)
    assert (found["unlabelled"], found["unseen"]) == (2, 1)
    # Two against none: one more cannot change who leads.
    assert found["expected_changes"] == 0
    assert labels_open(np.zeros((0, 3), int), np.zeros(0, int))["judgments"] == 0


def test_intervals_narrow_with_the_root_of_judgments():
    assert intervals_left([10, 20, 30], judged=100, planned=400, design=1) == (20, 10)
    assert intervals_left([], judged=0, planned=10, design=1) == (None, None)


def test_weighing_by_the_chance_undoes_a_choice():
    """10,000 candidates of which those with a low score were preferred: the mean comes back."""
    rng = np.random.default_rng(2)
    score = rng.random(10_000)
    chance = np.where(score < 0.5, 0.2, 0.02)
    inside = 0
    for _ in range(200):
        drawn = rng.random(10_000) < chance
        found = weighted_mean(score[drawn], chance[drawn])
        assert found.low is not None and found.high is not None
        inside += found.low <= score.mean() <= found.high
    assert inside >= 184
    drawn = rng.random(10_000) < chance
    assert score[drawn].mean() < 0.4
    whole = total(score[drawn], chance[drawn])
    assert whole.low is not None and whole.high is not None
    assert whole.low < score.sum() < whole.high


def test_weighted_win_rates_of_models_by_hand():
    drawn = Drawn(
        first=np.array([0, 0, 1]),
        second=np.array([1, 1, 2]),
        score=np.array([1.0, 0.0, 0.5]),
        chance=np.array([0.5, 0.1, 0.25]),
    )
    rows = {row["model"]: row for row in weighted_rates(drawn, ["ash", "birch", "cedar", "elm"])}
    # 1/0.5 = 2 for the win, 10 for the loss.
    assert rows["ash"]["weighted"]["value"] == pytest.approx(2 / 12)
    assert rows["ash"]["plain"]["value"] == 0.5
    assert rows["birch"]["weighted"]["value"] == pytest.approx((10 + 4 * 0.5) / 16)
    assert rows["cedar"]["weighted"]["value"] is None
    assert rows["ash"]["effective"] == pytest.approx(144 / 104)
    assert "elm" not in rows
