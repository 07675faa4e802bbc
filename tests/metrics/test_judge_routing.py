"""What a judge is believed, what comes of letting it decide, and how a broken promise shows."""

import math

import numpy as np
import pytest

from labeling.metrics.judge_calibration import Curve, calibrate
from labeling.metrics.judge_routing import (
    ALARM,
    EVERYTHING,
    NOTHING,
    audited_accuracy,
    dirichlet,
    expectations,
    panel_agreement,
    shortfall,
)
from tests.metrics.building import panels


def test_what_another_panel_would_say_is_foretold() -> None:
    random = np.random.default_rng(11)
    seen, unseen, _ = panels(random, 6000, 3)
    found = dirichlet(seen)
    assert found is not None
    assert found[0] == pytest.approx(0.9, rel=0.12) and found[1] == pytest.approx(0.3, rel=0.12)
    foretold = panel_agreement(seen, 3)
    assert foretold is not None
    one = np.where(seen == seen.max(axis=1, keepdims=True), 1.0, 0.0)
    other = np.where(unseen == unseen.max(axis=1, keepdims=True), 1.0, 0.0)
    alike = (one / one.sum(1, keepdims=True) * (other / other.sum(1, keepdims=True))).sum(axis=1)
    assert foretold.mean() == pytest.approx(alike.mean(), abs=0.015)
    # Not only in the mean: where people were of one mind, another panel is so more often.
    sure = seen.max(axis=1) == 3
    assert foretold[sure].mean() == pytest.approx(alike[sure].mean(), abs=0.02)
    assert foretold[~sure].mean() == pytest.approx(alike[~sure].mean(), abs=0.025)


def test_people_who_voted_once_foretell_no_panel() -> None:
    assert panel_agreement(np.array([[1, 0, 0], [0, 0, 1]]), 3) is None
    found = expectations(np.array([0, 2]), np.array([[1, 0, 0], [0, 0, 1]]), np.ones(2), panel=3)
    assert found.people.value is None and "two people" in found.people.why
    assert found.judge.value == 1 and found.points == []


def unsure_judge(
    random: np.random.Generator, items: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A judge that is right as often as says a curve flatter than what it says of itself."""
    seen, _, _ = panels(random, items, 3)
    said = random.choice([0.55, 0.65, 0.75, 0.85, 0.95], items)
    right = random.random(items) < 0.5 + (said - 0.5) * 0.7
    mode = seen.argmax(axis=1)
    answer = np.where(right, mode, (mode + random.integers(1, 3, items)) % 3)
    return said, answer, seen


def test_the_corrected_figures_are_nearer_to_the_truth() -> None:
    said, answer, seen = unsure_judge(np.random.default_rng(5), 1500)
    found = calibrate(said, answer, seen)
    assert found.curve is not None and found.brier.value is not None
    assert found.brier_corrected.value is not None
    assert found.brier_corrected.value < found.brier.value
    for one in found.bins:
        assert one["n"] > 200
        # It says more than is true, and the figures that are believed do not.
        inside = np.isclose(said, one["stated"])
        agreement = one["agreement"]["value"]
        assert found.expected[inside].mean() == pytest.approx(agreement, abs=0.06)
    assert sum(one["n"] for one in found.bins) == found.n


def test_expected_accuracy_is_honest_on_items_never_seen() -> None:
    """Promised on one half, kept on the other: in the mean over many, not by luck of one."""
    gaps = []
    for seed in range(20):
        said, answer, seen = unsure_judge(np.random.default_rng(100 + seed), 600)
        learnt = calibrate(said[:300], answer[:300], seen[:300])
        promised = expectations(answer[:300], seen[:300], learnt.expected, panel=3)
        point = next(one for one in promised.points if one["cut"] == 0.75)
        assert learnt.curve is not None
        later = learnt.curve.at(said[300:], answer[300:] == 1) >= 0.75
        if point["judge_accuracy"]["value"] is None or not later.any():
            continue
        most = seen[300:].max(axis=1, keepdims=True)
        modes = seen[300:] == most
        kept = (modes / modes.sum(axis=1, keepdims=True))[np.arange(300), answer[300:]][later]
        gaps.append(point["judge_accuracy"]["value"] - kept.mean())
    assert len(gaps) >= 14
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / math.sqrt(len(gaps)) + 0.005


def test_the_curve_of_expected_accuracy_runs_from_people_to_judge() -> None:
    said, answer, seen = unsure_judge(np.random.default_rng(6), 800)
    found = expectations(answer, seen, calibrate(said, answer, seen).expected, panel=3)
    everything, nothing = found.points[0], found.points[-1]
    assert (everything["cut"], nothing["cut"]) == (EVERYTHING, NOTHING)
    assert everything["share"]["value"] == 1 and nothing["share"]["value"] == 0
    assert everything["accuracy"]["value"] == pytest.approx(found.judge.value)
    assert nothing["accuracy"]["value"] == pytest.approx(found.people.value)
    assert nothing["judge_accuracy"]["value"] is None and nothing["judge_accuracy"]["why"]
    shares = [one["share"]["value"] for one in found.points]
    assert shares == sorted(shares, reverse=True)
    for one in found.points:
        assert one["accuracy"]["low"] <= one["accuracy"]["value"] <= one["accuracy"]["high"]


def test_a_judge_that_is_less_right_when_surer_is_not_believed_more() -> None:
    random = np.random.default_rng(9)
    said = random.choice([0.6, 0.9], 400)
    right = (random.random(400) < np.where(said > 0.8, 0.5, 0.8)).astype(float)
    curve = Curve.fit(said, np.zeros(400, np.bool_), right)
    assert curve.slope == 0
    assert curve.of_one(0.99, is_tie=False) == pytest.approx(right.mean(), abs=0.01)


def test_a_tie_is_believed_for_itself() -> None:
    random = np.random.default_rng(10)
    is_tie = random.random(500) < 0.4
    right = (random.random(500) < np.where(is_tie, 0.3, 0.9)).astype(float)
    curve = Curve.fit(np.full(500, 0.9), is_tie, right)
    assert curve.of_one(0.9, is_tie=True) == pytest.approx(right[is_tie].mean(), abs=0.02)
    assert curve.of_one(0.9, is_tie=False) == pytest.approx(right[~is_tie].mean(), abs=0.02)


def test_a_judge_that_was_always_right_is_not_promised_to_be() -> None:
    curve = Curve.fit(np.full(50, 1.0), np.zeros(50, np.bool_), np.ones(50))
    assert 0.9 < curve.of_one(1.0, is_tie=False) < 1


def test_how_many_people_a_judge_is_worth() -> None:
    random = np.random.default_rng(12)
    seen, unseen, taste = panels(random, 4000, 3)
    # As right as one person, and as a panel of three: their own answers, by lot where tied.
    person = np.array([random.choice(3, p=p) for p in taste])
    found = expectations(person, seen, np.full(4000, np.nan), panel=3).in_people
    assert found.value is None or found.value == pytest.approx(1, abs=0.4)
    panel = (unseen + random.random(unseen.shape) / 10).argmax(axis=1)
    found = expectations(panel, seen, np.full(4000, np.nan), panel=3).in_people
    assert found.value is not None and found.low is not None and found.high is not None
    assert found.low <= found.value <= found.high
    assert found.value == pytest.approx(3, abs=0.7)


def test_a_judge_worse_than_one_person_is_worth_none() -> None:
    random = np.random.default_rng(13)
    seen, _, _ = panels(random, 500, 3)
    found = expectations(random.integers(0, 3, 500), seen, np.full(500, np.nan), panel=3).in_people
    assert found.value is None and "less often than one person" in found.why


def test_the_audited_share_undoes_unequal_auditing() -> None:
    """Half the comparisons are audited at 5 %, where the judge is bad: the mean is of all."""
    random = np.random.default_rng(14)
    estimates, inside = [], 0
    for _ in range(300):
        bad = random.random(4000) < 0.5
        right = (random.random(4000) < np.where(bad, 0.6, 0.95)).astype(float)
        chance = np.where(bad, 0.05, 0.2)
        audited = random.random(4000) < chance
        found = audited_accuracy(list(right[audited]), list(chance[audited]))
        assert found.value is not None and found.low is not None and found.high is not None
        estimates.append(found.value)
        inside += found.low <= 0.775 <= found.high
    assert np.mean(estimates) == pytest.approx(0.775, abs=0.006)
    assert inside / 300 > 0.9
    assert audited_accuracy([], []).value is None


def test_the_alarm_is_rarely_false_and_finds_a_judge_that_got_worse() -> None:
    random = np.random.default_rng(15)
    kept = [
        shortfall((random.random(400) < 0.9).astype(float).tolist(), 0.9) >= ALARM
        for _ in range(400)
    ]
    assert np.mean(kept) <= 0.07
    fell = [
        shortfall((random.random(200) < 0.7).astype(float).tolist(), 0.9) >= ALARM
        for _ in range(100)
    ]
    assert np.mean(fell) >= 0.95
    assert shortfall([], 0.9) < ALARM


def test_looking_often_at_a_kept_promise_or_in_another_order_rings_no_more() -> None:
    random = np.random.default_rng(11)
    rang = 0
    for _ in range(150):
        came = (random.random(400) < 0.9).astype(float).tolist()
        rang += any(shortfall(came[:n], 0.9) >= ALARM for n in range(20, 401, 20))
        assert shortfall(sorted(came), 0.9) == pytest.approx(shortfall(came, 0.9))
    # One routing of twenty at most, and some room for the draw.
    assert rang / 150 <= 0.08
