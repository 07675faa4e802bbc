"""How far judges can be trusted: known answers, planted effects, honest intervals, empty cases."""

import json
import math
from typing import Any

import numpy as np
import pytest

from labeling.metrics import judge_biases
from labeling.metrics.cohen import cohen_kappa
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
from labeling.metrics.judges import JudgeContext, JudgeFacts, judge_rows
from labeling.metrics.report import build_report
from labeling.metrics.votes import Votes
from tests.metrics.building import votes_of

JUDGE = "zz judge"


def split(votes: Votes) -> tuple[Votes, Votes, int]:
    """The judge's votes, people's, and the judge's number."""
    number = votes.raters.index(JUDGE)
    is_judge = votes.rater == number
    return votes.select(is_judge), votes.select(~is_judge), number


def row_of(votes: Votes, **context: object) -> dict[str, object]:
    judged, people, number = split(votes)
    facts = context.pop("facts", None)
    known = JudgeContext(
        facts={} if facts is None else {number: facts},  # type: ignore[dict-item]
        **context,  # type: ignore[arg-type]
    )
    (row,) = judge_rows(judged, people, known)
    # It must fit in a report: no number that JSON does not know.
    json.dumps(row, allow_nan=False)
    return row


def value(row: dict[str, object], name: str) -> float:
    return row[name]["value"]  # type: ignore[index, no-any-return]


PEOPLE = [
    # Three people an item: the majority is a, a, b, tie.
    *[("1", "p1", "a"), ("1", "p2", "a"), ("1", "p3", "b")],
    *[("2", "p1", "a"), ("2", "p2", "a"), ("2", "p3", "a")],
    *[("3", "p1", "b"), ("3", "p2", "b"), ("3", "p3", "a")],
    *[("4", "p1", "tie"), ("4", "p2", "tie"), ("4", "p3", "b")],
]


def test_agreement_beside_one_person_on_the_same_items() -> None:
    says = [("1", JUDGE, "a"), ("2", JUDGE, "a"), ("3", JUDGE, "a"), ("4", JUDGE, "both_bad")]
    # A fifth item, of people alone, is no part of the yardstick.
    rest = [("5", "p1", "a"), ("5", "p2", "a"), ("5", "p3", "a")]
    row = row_of(votes_of([*PEOPLE, *says, *rest]))
    assert value(row, "agreement") == 3 / 4
    # By hand: leaving p1 out of item 1 leaves a and b, so a is worth a half; likewise p2; p3 meets
    # two a. That is 1/3 an item where two agree, and 1 where all do.
    assert value(row, "one_person") == pytest.approx((1 / 3 + 1 + 1 / 3 + 1 / 3) / 4)
    # The judge against the same majorities: (½ + ½ + 1)/3 where it is with the two, (½ + ½ + 0)/3
    # where it is with the one.
    judge = (2 / 3 + 1 + 1 / 3 + 2 / 3) / 4
    assert value(row, "advantage") == pytest.approx(judge - value(row, "one_person"))
    # Kappa by hand: judge a, a, a, tie; majority a, a, b, tie.
    chance = (3 / 4) * (2 / 4) + (1 / 4) * (1 / 4)
    assert value(row, "kappa") == pytest.approx((3 / 4 - chance) / (1 - chance))


def test_kappa_is_that_of_two_raters_where_people_are_one() -> None:
    random = np.random.default_rng(7)
    truth = random.integers(0, 3, 300)
    says = np.where(random.random(300) < 0.7, truth, random.integers(0, 3, 300))
    names = ["a", "tie", "b"]
    rows = [(f"{k:03}", "p1", names[t]) for k, t in enumerate(truth)]
    rows += [(f"{k:03}", JUDGE, names[s]) for k, s in enumerate(says)]
    votes = votes_of(rows)
    # The kappa of any two raters, which is held against published tables.
    assert value(row_of(votes), "kappa") == pytest.approx(cohen_kappa(votes).mean.value, abs=1e-12)


def test_nothing_to_go_by_is_said_and_is_no_number() -> None:
    row = row_of(votes_of([("1", JUDGE, "a"), ("2", "p1", "b")]))
    for name in ("agreement", "kappa", "one_person", "advantage", "consistency", "first_lean"):
        found = row[name]
        assert found["value"] is None and found["low"] is None, name  # type: ignore[index]
        assert found["why"], name  # type: ignore[index]
    for name in ("length_lean", "own_model_lean", "cost", "equal_accuracy"):
        assert row[name]["value"] is None and row[name]["why"], name  # type: ignore[index]
    assert row["routing"]["points"] == [] and row["routing"]["why"]  # type: ignore[index]
    assert row["calibration"]["curve"] is None and row["calibration"]["why"]  # type: ignore[index]
    assert {one["agreement"]["value"] for one in row["calibration"]["bins"]} == {None}  # type: ignore[index]


def test_one_answer_throughout_has_no_kappa() -> None:
    row = row_of(
        votes_of([("1", "p1", "a"), ("1", JUDGE, "a"), ("2", "p1", "a"), ("2", JUDGE, "a")])
    )
    assert row["kappa"]["value"] is None  # type: ignore[index]
    assert "by chance is certain" in row["kappa"]["why"]  # type: ignore[index]
    assert value(row, "agreement") == 1


def test_position_consistency_and_its_direction() -> None:
    # Item, side first, answer: 1 is a in both orders; 2 and 3 follow what stands first; 4 was
    # asked in one order only.
    calls = np.array(
        [(1, 0, 0), (1, 1, 0), (2, 0, 0), (2, 1, 2), (3, 0, 0), (3, 1, 2), (4, 0, 2)],
        dtype=np.int64,
    )
    found = judge_biases.consistency(calls)
    assert (found.value, found.n) == (1 / 3, 3)
    # First wins half of item 1 and all of items 2 and 3.
    assert judge_biases.first_lean(calls).value == pytest.approx((0.5 + 1 + 1) / 3 - 0.5)
    # What is second wins where the sides are turned round.
    turned = calls.copy()
    turned[:, 1] = 1 - turned[:, 1]
    assert judge_biases.first_lean(turned).value == pytest.approx(0.5 - (0.5 + 1 + 1) / 3)


def test_samples_of_one_order_are_one_order() -> None:
    calls = np.array([(1, 0, 0), (1, 0, 0), (1, 0, 2), (1, 1, 0)], dtype=np.int64)
    assert judge_biases.consistency(calls).value == pytest.approx(2 / 3)


def planted(random: np.random.Generator, *, longer: float, own: float) -> Votes:
    """400 items of which people have an opinion; the judge leans by so much on top of it."""
    rows, models, lengths = [], {}, {}
    for k in range(400):
        item = f"{k:03}"
        taste = random.normal()
        a_longer = bool(random.random() < 0.5)
        models[item] = ("judge-model", "other") if k % 2 else ("other", "third")
        lengths[item] = (500, 100) if a_longer else (100, 500)
        for p in range(4):
            chose = "a" if taste + random.normal() > 0 else "b"
            rows.append((item, f"p{p}", chose))
        lean = longer * (1 if a_longer else -1) + (own if k % 2 else 0)
        rows.append((item, JUDGE, "a" if taste + lean + random.normal() > 0 else "b"))
    return votes_of(rows, models=models, lengths=lengths)


def test_planted_leanings_are_found_and_none_where_there_is_none() -> None:
    facts = JudgeFacts(model="judge-model")
    row = row_of(planted(np.random.default_rng(3), longer=0.6, own=0.6), facts=facts)
    for name in ("length_lean", "own_model_lean"):
        assert row[name]["low"] > 0, row[name]  # type: ignore[index]
    none = row_of(planted(np.random.default_rng(4), longer=0.0, own=0.0), facts=facts)
    for name in ("length_lean", "own_model_lean"):
        assert none[name]["low"] < 0 < none[name]["high"], none[name]  # type: ignore[index]


def test_leanings_are_measured_against_people() -> None:
    # People prefer the longer answer as much as the judge does: that is no leaning of the judge's.
    rows = [("1", "p1", "a"), ("1", JUDGE, "a"), ("2", "p1", "b"), ("2", JUDGE, "tie")]
    votes = votes_of(rows, lengths={"1": (900, 10), "2": (10, 900)})
    assert value(row_of(votes), "length_lean") == pytest.approx((0 - 0.5) / 2)


def test_the_own_model_on_both_sides_says_nothing() -> None:
    rows = [("1", "p1", "a"), ("1", JUDGE, "b")]
    votes = votes_of(rows, models={"1": ("own", "own")})
    row = row_of(votes, facts=JudgeFacts(model="own"))
    assert row["own_model_lean"]["value"] is None  # type: ignore[index]
    assert "not among the models" in row["own_model_lean"]["why"]  # type: ignore[index]


def panels(
    random: np.random.Generator, items: int, raters: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People's counts on items, another panel's, and what most people of all would say."""
    taste = random.dirichlet((0.9, 0.3, 0.9), items)
    one, other = (np.array([random.multinomial(raters, p) for p in taste]) for _ in range(2))
    return one, other, taste


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


def grouped(count: int) -> tuple[Votes, list[dict[str, str]]]:
    """`count` old people say a, five young ones say b, the judge says a; on three items."""
    rows = []
    for item in ("1", "2", "3"):
        rows += [(item, f"old{k}", "a") for k in range(count)]
        rows += [(item, f"young{k}", "b") for k in range(5)]
        rows.append((item, JUDGE, "a"))
    votes = votes_of(rows)
    groups = [
        {"age": "60 and over" if name.startswith("old") else "under 60"} for name in votes.raters
    ]
    groups[votes.raters.index(JUDGE)] = {}
    return votes, groups


def test_a_persona_is_compared_with_people_of_its_group_and_others() -> None:
    votes, groups = grouped(5)
    facts = JudgeFacts(persona={"age": "60 and over"})
    row = row_of(votes, facts=facts, groups=groups, smallest_group=5)
    personas: list[dict[str, Any]] = row["personas"]  # type: ignore[assignment]
    (found,) = personas
    assert not found["is_withheld"]
    assert found["with_group"]["value"] == 1 and found["with_others"]["value"] == 0
    assert found["difference"]["value"] == 1 and found["group_itself"]["value"] == 1


def test_small_groups_are_withheld() -> None:
    votes, groups = grouped(4)
    facts = JudgeFacts(persona={"age": "60 and over", "language": "et"})
    row = row_of(votes, facts=facts, groups=groups, smallest_group=5)
    personas: list[dict[str, Any]] = row["personas"]  # type: ignore[assignment]
    assert len(personas) == 2
    for found in personas:
        assert found["is_withheld"]
        assert {found[name]["value"] for name in ("with_group", "with_others", "difference")} == {
            None
        }
        assert "fewer than 5" in found["with_group"]["why"]


def test_what_a_verdict_costs_and_what_people_cost_who_are_right_as_often() -> None:
    random = np.random.default_rng(16)
    seen, unseen, _ = panels(random, 300, 3)
    names = ["a", "tie", "b"]
    rows = [
        (f"{k:03}", f"p{n}", names[answer])
        for k, counts in enumerate(seen)
        for n, answer in enumerate(np.repeat(np.arange(3), counts))
    ]
    panel = (unseen + random.random(unseen.shape) / 10).argmax(axis=1)
    rows += [(f"{k:03}", JUDGE, names[answer]) for k, answer in enumerate(panel)]
    facts = JudgeFacts(cost=3.0, currency="EUR")
    row = row_of(votes_of(rows), facts=facts, person_cost=0.5)
    assert value(row, "cost") == pytest.approx(0.01)
    equal = row["equal_accuracy"]
    assert equal["people_cost"] == pytest.approx(equal["value"] * 0.5)  # type: ignore[index]
    assert equal["judge_cost"] == pytest.approx(0.01)  # type: ignore[index]
    unpriced = row_of(votes_of(rows), facts=JudgeFacts())
    assert unpriced["cost"]["value"] is None and "no price" in unpriced["cost"]["why"]  # type: ignore[index]


def test_human_figures_are_the_same_with_and_without_judges() -> None:
    votes = planted(np.random.default_rng(17), longer=0.5, own=0.5)
    _, people, number = split(votes)
    flags = [k == number for k in range(len(votes.raters))]
    when = "2026-05-19T10:02:00Z"
    facts = {number: JudgeFacts(model="judge-model", cost=1.0)}
    with_judge = build_report(
        votes, campaign="c", computed_at=when, judges=flags, judge_context=JudgeContext(facts)
    )
    without = build_report(people, campaign="c", computed_at=when, judges=flags)
    for name, figure in without.items():
        if name not in ("judges", "judge_judgment_count"):
            assert with_judge[name] == figure, name
    assert with_judge["judges"][0]["model"] == "judge-model" and without["judges"] == []


def test_the_figures_are_the_same_every_time_and_in_any_order() -> None:
    rows = [*PEOPLE, ("1", JUDGE, "a"), ("2", JUDGE, "b"), ("3", JUDGE, "b"), ("4", JUDGE, "tie")]
    assert row_of(votes_of(rows)) == row_of(votes_of(rows[::-1]))
