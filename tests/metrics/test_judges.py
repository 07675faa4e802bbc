"""How far judges can be trusted: known answers, planted effects, honest intervals, empty cases."""

import json
from typing import Any

import numpy as np
import pytest

from labeling.metrics import judge_biases
from labeling.metrics.cohen import cohen_kappa
from labeling.metrics.judges import JudgeContext, JudgeFacts, judge_rows
from labeling.metrics.report import build_report
from labeling.metrics.votes import Votes
from tests.metrics.building import panels, votes_of

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
