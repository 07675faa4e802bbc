"""Simulated raters follow what is planted in them, and answer what the campaign asks."""

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from labeling.schemas import read_answer, read_schema
from labeling.simulation.demo import MANNERS, RATERS
from labeling.simulation.raters import Manner, Side, SimulatedRater, answer, side_of

SCHEMA = read_schema(
    {"scale": 7, "both_bad": True, "criteria": [{"key": "truthful", "label": "T"}]}
)
CAREFUL = SimulatedRater("careful")
STRONG, WEAK = Side(1.0, {}, 500), Side(-0.5, {}, 500)
EQUAL = Side(0.0, {}, 500)


def answers(rater: SimulatedRater, left: Side, right: Side, *, schema=SCHEMA, count=400):
    draw = random.Random(7)
    return [answer(rater, left, right, schema, draw) for _ in range(count)]


def share(given: list[dict[str, Any]], side: str) -> float:
    return Counter(body["side"] for body in given)[side] / len(given)


def test_the_stronger_side_wins_mostly_on_either_side():
    assert share(answers(CAREFUL, STRONG, WEAK), "left") > 0.75
    assert share(answers(CAREFUL, WEAK, STRONG), "right") > 0.75


def test_noise_blurs_the_difference():
    noisy = replace(CAREFUL, noise=5.0)
    assert share(answers(noisy, STRONG, WEAK), "left") < share(
        answers(CAREFUL, STRONG, WEAK), "left"
    )


def test_a_wide_tie_makes_ties_and_none_makes_none():
    assert share(answers(replace(CAREFUL, tie_width=1.5), EQUAL, EQUAL), "tie") > 0.7
    assert share(answers(replace(CAREFUL, tie_width=0.0), EQUAL, EQUAL), "tie") == 0


def test_who_likes_length_takes_the_longer_of_equals():
    long = replace(EQUAL, char_count=4000)
    fond = replace(CAREFUL, length_liking=0.8)
    assert share(answers(fond, long, EQUAL), "left") > 0.8
    assert share(answers(fond, EQUAL, long), "right") > 0.8


def test_who_likes_the_left_takes_it():
    assert share(answers(replace(CAREFUL, left_liking=1.5), EQUAL, EQUAL), "left") > 0.75


def test_the_careless_see_no_strength_and_are_quick():
    careless = replace(CAREFUL, carelessness=1.0)
    for left, right in ((STRONG, WEAK), (WEAK, STRONG)):
        assert 0.3 < share(answers(careless, left, right), "left") < 0.6
    slow = [body["client"]["active_ms"] for body in answers(CAREFUL, STRONG, WEAK)]
    quick = [body["client"]["active_ms"] for body in answers(careless, STRONG, WEAK)]
    assert sorted(quick)[200] < sorted(slow)[200] / 3


def test_two_bad_sides_are_both_bad_where_that_may_be_said():
    bad = Side(-4.0, {}, 500)
    assert share(answers(CAREFUL, bad, bad), "both_bad") > 0.9
    without = read_schema({"scale": 7, "both_bad": False})
    assert share(answers(CAREFUL, bad, bad, schema=without), "both_bad") == 0


def test_a_criterion_has_a_strength_of_its_own():
    honest = Side(-1.0, {"truthful": 2.0}, 500)
    smooth = Side(1.0, {"truthful": -2.0}, 500)
    given = [body for body in answers(CAREFUL, honest, smooth) if body["side"] == "right"]
    said = Counter(body["criteria"]["truthful"] for body in given)
    assert said["left"] > 0.9 * len(given) > 100


@pytest.mark.parametrize("scale", [2, 4, 7])
@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("both_bad", [True, False])
def test_every_answer_is_one_that_the_campaign_takes(scale, tie, both_bad):
    schema = read_schema(
        {
            "scale": scale,
            "tie": tie,
            "both_bad": both_bad,
            "criteria": [{"key": "helpful", "label": "Helpful"}],
        }
    )
    draw = random.Random(1)
    sides = [side_of(manner, name) for name, manner in MANNERS.items()]
    for rater in RATERS:
        for _ in range(100):
            left, right = draw.sample(sides, 2)
            read_answer(answer(rater, left, right, schema, draw), schema)


def test_a_seed_reproduces_a_run():
    assert answers(CAREFUL, STRONG, WEAK) == answers(CAREFUL, STRONG, WEAK)


def test_a_text_strays_from_its_manner_for_everybody_alike():
    manner = Manner(1.0, {"truthful": 0.0})
    assert side_of(manner, "a text") == side_of(manner, "a text")
    sides = [side_of(manner, f"text {n}") for n in range(400)]
    mean = sum(side.strength for side in sides) / len(sides)
    assert mean == pytest.approx(1.0, abs=0.1)
    assert len({side.strength for side in sides}) == len(sides)
