"""What is planted is there, the same for a seed, and comes to what the limit says."""

import json
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from labeling.metrics.rater_counts import is_fast
from labeling.schemas import read_answer, read_schema
from labeling.simulation.compare import caught, findings
from labeling.simulation.expected import expected
from labeling.simulation.kinds import KINDS, crowd
from labeling.simulation.planted import AS_WRITTEN, AT_ONCE, Planted, Wishes, plant
from labeling.simulation.raters import Side, SimulatedRater, answer

SCHEMA = read_schema({"scale": 4, "tie": True, "both_bad": False})
EQUAL = Side(0.0, {}, 600)
LONG = replace(EQUAL, char_count=1200)
SMALL = Wishes(models=4, items=60, votes=3, raters=12)


def one_of(kind: str, **more) -> SimulatedRater:
    (rater,) = crowd(1, {kind: 1.0}, draw=random.Random(1), names=str, **more)
    return rater


def sides_of(kind: str, left: Side, right: Side, count: int = 300) -> Counter[str]:
    draw, rater = random.Random(7), one_of(kind)
    return Counter(answer(rater, left, right, SCHEMA, draw)["side"] for _ in range(count))


class TestKinds:
    def test_shares_come_out_and_the_rest_are_careful(self):
        raters = crowd(40, {"random": 0.1, "left": 0.05}, draw=random.Random(1), names=str)
        assert Counter(rater.kind for rater in raters) == {"careful": 34, "random": 4, "left": 2}

    def test_a_kind_that_is_asked_for_is_there_in_a_small_crowd(self):
        shares = dict.fromkeys(("random", "left", "longer", "half"), 0.05)
        raters = crowd(10, shares, draw=random.Random(1), names=str)
        assert Counter(rater.kind for rater in raters)["left"] == 1

    def test_each_group_has_raters_of_each_kind(self):
        raters = crowd(40, {"random": 0.2}, draw=random.Random(1), names=str, groups=2)
        assert Counter((rater.group, rater.kind) for rater in raters) == {
            ("north", "careful"): 16,
            ("south", "careful"): 16,
            ("north", "random"): 4,
            ("south", "random"): 4,
        }

    def test_who_follows_a_rule_does(self):
        assert sides_of("left", EQUAL, LONG) == {"left": 300}
        assert sides_of("longer", EQUAL, LONG) == {"right": 300}
        assert sides_of("longer", LONG, EQUAL) == {"left": 300}
        tossed = sides_of("random", replace(EQUAL, strength=9.0), EQUAL)
        assert 110 < tossed["left"] < 190
        assert tossed["tie"] == 0

    def test_who_loves_ties_says_more_of_them_and_half_effort_looks_half_the_time(self):
        assert sides_of("tie", EQUAL, EQUAL)["tie"] > 2 * sides_of("careful", EQUAL, EQUAL)["tie"]
        clear = replace(EQUAL, strength=5.0)
        right = sides_of("half", clear, EQUAL)["right"]
        assert 30 < right < 100
        assert sides_of("careful", clear, EQUAL)["right"] < 10

    def test_only_the_fast_are_faster_than_reading_allows(self):
        words = np.full(200, 2 * 1200 // 6)
        for kind, fewest, most in (("careful", 0.0, 0.1), ("fast", 0.9, 1.0)):
            draw, rater = random.Random(3), one_of(kind)
            times = [
                answer(rater, LONG, LONG, SCHEMA, draw)["client"]["active_ms"] for _ in range(200)
            ]
            assert fewest <= np.mean(is_fast(np.array(times), words)) <= most

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("scale", [2, 7])
    def test_what_they_say_is_an_answer(self, kind, scale):
        schema = read_schema(
            {"scale": scale, "tie": True, "criteria": [{"key": "helpful", "label": "H"}]}
        )
        draw, rater = random.Random(1), one_of(kind)
        for _ in range(50):
            read_answer(answer(rater, EQUAL, LONG, schema, draw), schema)


class TestPlanting:
    def test_a_seed_gives_the_same_campaign_and_another_a_different_one(self):
        first = plant(SMALL)
        assert first == plant(SMALL)
        assert first.rows(is_gold=False) == plant(SMALL).rows(is_gold=False)
        assert first.rows(is_gold=False) != plant(replace(SMALL, seed=2)).rows(is_gold=False)

    def test_every_two_models_meet_equally_often(self):
        met = Counter(frozenset(item.models) for item in plant(SMALL).open_items)
        assert set(met.values()) == {10}

    def test_lengths_have_a_unit_spread_and_gold_is_clear(self):
        planted = plant(replace(SMALL, item_effect_sd=1.0))
        lengths = np.array([item.length for item in planted.open_items])
        assert np.sqrt((lengths**2).mean()) == pytest.approx(1.0)
        for item in planted.items:
            if item.gold:
                one, other = planted.sides(item)
                gap = one.strength - other.strength + item.effect
                assert gap == pytest.approx(3.0 if item.gold == "a" else -3.0)

    def test_groups_differ_and_come_to_nothing_on_the_whole(self):
        planted = plant(replace(SMALL, groups=2, group_sd=0.8))
        tastes = np.array([list(m.tastes.values()) for m in planted.manners.values()])
        assert np.abs(tastes.sum(axis=0)).max() < 1e-9
        assert np.abs(tastes.sum(axis=1)).max() < 1e-9
        assert np.abs(tastes).max() > 0.1

    def test_the_truth_is_plain_json_with_all_that_was_planted(self):
        truth = json.loads(json.dumps(plant(replace(SMALL, streaming=0.5)).truth()))
        assert len(truth["items"]) == 60 + 24
        assert len(truth["raters"]) == 12
        assert set(truth["length_pull_by_arm"]) == {AT_ONCE, AS_WRITTEN}

    @pytest.mark.parametrize(
        ("wish", "says"),
        [
            ({"models": 1}, "models goes from 2 to 60"),
            ({"raters": 2}, "raters goes from 3"),
            ({"groups": 1}, "One group alone"),
            ({"kinds": {"sleepy": 0.1}}, "no kind sleepy"),
            ({"kinds": {"left": 0.7, "random": 0.7}}, "come to 1 at most"),
            ({"streaming": float("nan")}, "streaming"),
        ],
    )
    def test_what_cannot_be_planted_is_named(self, wish, says):
        assert says in replace(SMALL, **wish).problem()
        assert SMALL.problem() == ""


def by_chance(planted: Planted, count: int) -> Counter[str]:
    """So many answers, each of a rater, item, side and arm by lot."""
    draw, said = random.Random(5), Counter[str]()
    items, raters, arms = planted.open_items, planted.raters, [*planted.arms] or [""]
    for _ in range(count):
        item, rater, arm = draw.choice(items), draw.choice(raters), draw.choice(arms)
        # The limit is over all effects that an item could have had.
        item = replace(item, effect=draw.gauss(0, planted.wishes.item_effect_sd))
        a, b = planted.sides(item)
        a_on_left = draw.random() < 0.5
        left, right = (a, b) if a_on_left else (b, a)
        scene = planted.scene(item, a_on_left=a_on_left, arm=arm)
        side = answer(rater, left, right, SCHEMA, draw, scene=scene)["side"]
        said["ties" if side == "tie" else "decisive"] += 1
        said["left"] += side == "left"
        longer = "left" if left.char_count > right.char_count else "right"
        if side != "tie" and abs(left.char_count - right.char_count) > 30:
            said["differing"] += 1
            said["longer"] += side == longer
    return said


class TestLimit:
    def test_it_is_what_many_answers_come_to(self):
        kinds = dict.fromkeys(KINDS, 0.12)
        wishes = {"kinds": kinds, "side": 0.4, "length": 0.8, "streaming": 0.5, "groups": 2}
        planted = plant(replace(SMALL, item_effect_sd=1.0, raters=24, **wishes))
        limit, said = expected(planted), by_chance(planted, 6_000)
        assert said["ties"] / 6_000 == pytest.approx(limit.ties, abs=0.015)
        assert said["left"] / said["decisive"] == pytest.approx(limit.left, abs=0.02)
        assert said["longer"] / said["differing"] == pytest.approx(limit.longer, abs=0.02)

    def test_without_ties_and_effects_the_board_is_what_was_planted(self):
        planted = plant(replace(SMALL, tie_width=0.0, spread=0.8))
        careful = [replace(rater, noise=1.0) for rater in planted.raters]
        limit = expected(replace(planted, raters=tuple(careful)))
        for name, manner in planted.manners.items():
            assert limit.strengths[name] == pytest.approx(manner.strength, abs=1e-4)
        assert limit.ties == pytest.approx(0, abs=1e-9)
        assert limit.left == pytest.approx(0.5)

    def test_effects_of_items_and_idle_raters_pull_it_together(self):
        plain = expected(plant(SMALL)).strengths
        spread = max(plain.values()) - min(plain.values())
        for wish in ({"item_effect_sd": 2.0}, {"kinds": {"random": 0.5}}):
            pulled = expected(plant(replace(SMALL, **wish))).strengths
            assert max(pulled.values()) - min(pulled.values()) < 0.85 * spread

    def test_where_texts_arrive_as_written_the_pull_of_length_is_lost(self):
        by_arm = expected(plant(replace(SMALL, length=1.0, streaming=1.0))).longer_by_arm
        without = expected(plant(replace(SMALL, length=0.0))).longer
        assert by_arm[AT_ONCE] > by_arm[AS_WRITTEN] + 0.1
        assert by_arm[AS_WRITTEN] == pytest.approx(without)

    def test_groups_have_boards_of_their_own(self):
        limit = expected(plant(replace(SMALL, groups=2, group_sd=1.0)))
        north, south = limit.strengths_by_group["north"], limit.strengths_by_group["south"]
        assert max(abs(north[name] - south[name]) for name in north) > 0.3

    def test_nobody_voted(self):
        planted = plant(SMALL)
        limit = expected(planted, dict.fromkeys((r.name for r in planted.raters), 0.0))
        assert (limit.strengths, limit.left) == ({}, None)
        assert all(one.is_inside is None for one in findings(planted, limit, {}))


def test_the_first_criterion_follows_the_whole_where_that_is_planted():
    schema = read_schema(
        {"scale": 4, "criteria": [{"key": key, "label": key} for key in ("helpful", "truthful")]}
    )
    planted = plant(replace(SMALL, first_criterion=1.0))
    draw, rater = random.Random(2), planted.raters[0]
    same = Counter[str]()
    for item in planted.open_items:
        scene = planted.scene(item, a_on_left=True)
        said = answer(rater, *planted.sides(item), schema, draw, scene=scene)
        same.update(key for key, side in said["criteria"].items() if side == said["side"])
    assert same["helpful"] == 60
    assert same["truthful"] < 50


def test_groups_are_held_against_boards_of_their_own():
    planted = plant(replace(SMALL, groups=2, group_sd=1.0))
    limit = expected(planted)
    board = [
        {"model": name, "elo": 1000.0, "low": 900.0, "high": 1100.0} for name in planted.manners
    ]
    groups = [
        {"group": name, "judgment_count": 9, "board": board} for name in ("north", "elsewhere")
    ]
    rows = findings(planted, limit, {"groups": [{"groups": groups}]})
    found = {row.name: row for row in rows if row.part == "group"}
    assert set(found) == {f"north: {name}" for name in planted.manners}
    for name, manner in planted.manners.items():
        row = found[f"north: {name}"]
        per_logit = 400 / np.log(10)
        taste = manner.strength + manner.tastes["north"]
        assert row.planted == pytest.approx(1000 + per_logit * taste)
        shift = per_logit * limit.strengths_by_group["north"][name]
        assert row.expected == pytest.approx(1000 + shift)
        assert row.is_inside == (abs(shift) <= 100)


def test_who_is_caught_is_counted_by_kind_and_careful_ones_come_first():
    rows = caught({"random": [0.001, 0.2], "careful": [0.5, 0.04, 0.9], "tie": []})
    assert [(row.kind, row.raters, row.caught, row.caught_surely) for row in rows] == [
        ("careful", 3, 1, 0),
        ("random", 2, 1, 1),
    ]
