"""Leanings that were planted are found, and what cannot be had says why."""

from typing import Any

import numpy as np
import pytest

from bench.bias import ARMS, planted_arms, planted_sittings, planted_styles
from labeling.metrics.arms import DAY, ArmFacts, Shown, experiment, main_contrast
from labeling.metrics.bias_checks import CHECKS, bias_checks
from labeling.metrics.contrasts import chance_of, clustered_contrast
from labeling.metrics.estimates import Estimate
from labeling.metrics.formatting import maker, markdown
from labeling.metrics.rater_leanings import leanings, shrunken
from labeling.metrics.tiredness import fatigue, sitting_seconds, student95, swap
from labeling.metrics.votes import Votes
from tests.metrics.building import votes_of

NOTHING: dict[str, Any] = {"value": None, "low": None, "high": None, "n": 0, "no_effect": 0.5}


def test_a_planted_effect_of_speed_is_found_with_its_price_and_its_pace():
    votes, shown = planted_arms(np.array([0.70, 0.62, 0.50]), items=900, per_item=6, seed=4)
    found = experiment(votes, shown, now=10 * DAY)
    streaming, halving = found["contrasts"]["streaming"], found["contrasts"]["halving"]
    assert found["why"] == "" and main_contrast(found["contrasts"]) == "streaming"
    assert streaming["low"] < -0.13 < streaming["high"] < 0
    # Two halvings from 40 to 10.
    assert halving["low"] < -0.06 < halving["high"] < 0
    assert streaming["chance"] < 0.001 and streaming["needed"] < len(votes)
    assert streaming["days_left"] == 0
    assert found["pace_per_day"] == pytest.approx(540, rel=0.02)
    price = found["price"]
    assert price["value"] == pytest.approx(4, abs=0.2) and price["high"] - price["low"] < 0.6
    assert [arm["judgment_count"] > 1500 for arm in found["arms"]] == [True] * 3
    assert found["arms"][0]["longer"]["low"] < 0.70 < found["arms"][0]["longer"]["high"] + 0.02


def test_the_context_is_compared_within_one_way_of_showing():
    votes, shown = planted_arms(np.array([0.5, 0.5, 0.5, 0.7]), items=700, per_item=6, seed=5)
    context = experiment(votes, shown, now=100 * DAY)["contrasts"]["context"]
    assert context["low"] < -0.19 < context["high"] < 0
    # Only the two instant arms differ in the context alone.
    assert context["n"] == int(np.isin(shown.arm, (0, 3)).sum())
    # Nothing has come for weeks.
    assert context["needed"] and context["days_left"] is None


def test_what_a_contrast_still_wants_comes_at_the_pace_of_its_own_arms():
    votes, shown = planted_arms(np.array([0.58, 0.5, 0.5, 0.52]), items=60, per_item=4, seed=5)
    found = experiment(votes, shown, now=int(shown.judged_at.max()) + 1)
    context = found["contrasts"]["context"]
    missing = context["needed"] - context["n"]
    assert missing > 0 and context["n"] < 0.7 * found["decisive_count"]
    own = found["pace_per_day"] * context["n"] / found["decisive_count"]
    assert context["days_left"] == int(np.ceil(missing / own))


def test_what_was_not_shown_as_dealt_is_counted_apart():
    votes, shown = planted_arms(np.array([0.7, 0.5]), items=300, per_item=4, seed=6)
    moved = np.flatnonzero(shown.arm == 1)[:80]
    shown.shown_as[moved] = 0
    shown.shown_as[np.flatnonzero(shown.arm == 0)[:10]] = -1
    found = experiment(votes, shown, now=0)
    assert found["not_honoured_count"] == found["arms"][1]["not_honoured_count"] == 80
    assert found["unknown_shown_count"] == 10
    assert found["contrasts"]["streaming"]["n"] == len(votes) - 80
    assert found["as_dealt"]["n"] == len(votes)
    shown.is_dealt[:7] = False
    assert experiment(votes, shown, now=0)["not_dealt_count"] == 7


def test_no_arms_one_arm_and_arms_nobody_knows_say_so():
    votes, shown = planted_arms(np.array([0.5]), items=30, per_item=2, seed=7)
    one = experiment(votes, shown, now=0)
    assert "one presentation arm" in one["why"]
    assert one["contrasts"]["streaming"]["value"] is None and one["contrasts"]["streaming"]["why"]
    none = experiment(
        votes, Shown((), np.full(len(votes), -1), shown.shown_as, shown.is_dealt), now=0
    )
    assert none["arms"] == [] and "No judgment" in none["why"] and none["price"]["why"]
    two, shown = planted_arms(np.array([0.5, 0.5]), items=30, per_item=2, seed=7)
    gone = Shown(
        (ArmFacts("x"), ArmFacts("y")), shown.arm, shown.shown_as, shown.is_dealt, shown.judged_at
    )
    assert "settings name no two" in experiment(two, gone, now=0)["why"]


def test_ties_alone_and_votes_all_alike_have_no_contrast():
    rows = [(f"i{k}", f"r{n}", "tie") for k in range(30) for n in range(2)]
    votes = votes_of(rows, lengths={f"i{k}": (900, 10) for k in range(30)})
    arm = np.arange(len(votes)) % 2
    shown = Shown(ARMS[:2], arm, arm, np.ones(len(votes), np.bool_))
    found = experiment(votes, shown, now=0)
    assert all(one["value"] is None and one["why"] for one in found["contrasts"].values())
    assert found["arms"][0]["longer"]["why"]
    alike = clustered_contrast(
        np.ones(60), (arm == 1).astype(float), np.zeros(60, np.int64), votes.item, unit="", why="-"
    )
    assert "same way" in alike.estimate.why


def test_formatting_is_told_from_the_length_that_comes_with_it():
    none = markdown(*planted_styles(length=3.0, formatted=0.0, seed=1))
    assert none.raw.low is not None and none.raw.low > 0.52
    assert none.share.low is not None and none.share.high is not None
    assert none.share.low < 0.5 < none.share.high
    some = markdown(*planted_styles(length=3.0, formatted=0.5, seed=2)).share
    assert some.value == pytest.approx(1 / (1 + np.exp(-0.5)), abs=0.03)
    assert some.low is not None and some.low > 0.5


@pytest.mark.parametrize(
    ("formatted", "word"),
    [((-1, -1), "not known"), ((2, 2), "No two answers"), ((1, 0), "fewer than 20")],
)
def test_formatting_that_cannot_be_weighed_says_why(formatted, word):
    votes = votes_of([("i", "r", "a")], lengths={"i": (10, 20)})
    share = markdown(votes, *(np.array([count]) for count in formatted)).share
    assert share.value is None and word in share.why
    ties = markdown(votes_of([("i", "r", "tie")]), np.array([1]), np.array([0])).share
    assert "chose a side" in ties.why


def test_formatting_that_always_wins_has_no_share_at_equal_length():
    rows = [(f"i{k:02}", "r", "a") for k in range(40)]
    votes = votes_of(rows, lengths={f"i{k:02}": (100 + k, 100) for k in range(40)})
    found = markdown(votes, np.ones(40, np.int64), np.zeros(40, np.int64))
    assert found.share.value is None and "nearly every vote" in found.share.why
    assert found.raw.value == 1


def test_an_answer_that_names_its_model_is_counted_where_only_one_does():
    rows = [(f"i{k}", f"r{n}", "b" if n else "a") for k in range(30) for n in range(3)]
    named = np.array([1] * 25 + [-1] * 5)
    share = maker(votes_of(rows), named).share
    assert share.n == 75 and share.value == pytest.approx(2 / 3)
    assert "just one" in maker(votes_of(rows), np.full(30, -1)).share.why


def test_a_sitting_ends_with_half_an_hour_of_nothing():
    rater = np.array([0, 1, 0, 0, 0])
    at = np.array([1000, 50, 2000, 2000 + 1801, -1])
    assert sitting_seconds(rater, at).tolist() == [0, 0, 1000, 0, -1]


def test_tiredness_is_found_within_raters_who_differ():
    votes, at = planted_sittings(tired=0.2, seed=3)
    gold = np.zeros(votes.item_count, dtype=np.int8)
    found = fatigue(votes, at, gold)
    assert found.low is not None and found.high is not None
    assert found.low < -0.2 < found.high < 0
    assert "No rater met a known answer" in fatigue(votes, at, np.full_like(gold, -1)).why
    assert "not known when" in fatigue(votes, np.full_like(at, -1), gold).why
    assert "two hours" in fatigue(votes, np.minimum(at, 3000), gold).why
    few = votes.rater < 3
    assert "Fewer than 5 raters" in fatigue(votes.select(few), at[few], gold).why


def test_swapped_pairs_are_told_from_pairs_asked_as_before():
    rows, left, repeats = [], [], []
    for k in range(80):
        swapped = k % 2 == 0
        # Of swapped pairs every second one is answered by its place, the left.
        again = "b" if swapped and k % 4 == 0 else "a"
        rows += [(f"i{k:02}", "r", "a"), (f"i{k:02}", "r", again)]
        left += ["a", "b" if swapped else "a"]
        repeats += [False, True]
    found = swap(votes_of(rows, left=left, repeats=repeats))
    assert found.consistency.value == 0.5 and found.as_before.value == 1
    assert found.difference.value == -0.5 and found.difference.high is not None
    assert found.difference.high < -0.3
    assert (found.follows_left.value, found.follows_left.n) == (1, 20)
    always = swap(votes_of(rows[:2], left=["a", "b"], repeats=[False, True]))
    assert "always swaps" in always.difference.why
    assert "No rater was asked" in swap(votes_of(rows[:1])).difference.why


def test_few_votes_are_drawn_towards_the_pool_and_many_stay():
    n = np.array([400] * 10 + [6, 0])
    hits = np.array([200, 220, 180, 210, 190, 205, 195, 200, 290, 200, 6, 0])
    found = shrunken(hits, n)
    assert found.value[8] > 0.66 and found.low[8] > found.pool
    assert found.value[10] < 0.75 and found.high[10] > found.value[10]
    assert np.isnan(found.value[11])
    even = shrunken(np.full(5, 50), np.full(5, 100))
    # Where chance explains all, each is the pool: known no better than its 500 votes say.
    assert np.allclose(even.value, 0.5) and np.allclose(even.low, 0.5 - 1.959964 * 0.5 / 500**0.5)


def test_who_drives_the_pull_of_length_is_named_and_left_out():
    random = np.random.default_rng(8)
    raters, items = 12, 300
    item, rater = (one.ravel() for one in np.meshgrid(np.arange(items), np.arange(raters)))
    chance = np.where(rater < 2, 0.85, 0.52)
    wins = random.random(len(item)) < chance
    votes = Votes.from_columns(
        comparison=item,
        rater=rater,
        preference=np.where(wins, 0, 1),
        shown_left=random.integers(0, 2, len(item)),
        length_a=np.full(len(item), 500),
        length_b=np.full(len(item), 100),
        model_names={},
        rater_names={k: f"R{k:02}" for k in range(raters)},
    )
    found = leanings(votes)
    assert sorted(found["drivers"]) == ["R00", "R01"]
    assert found["raters"][0]["rater"] in found["drivers"]
    assert found["without_drivers"]["low"] < 0.53 < found["without_drivers"]["high"]
    assert found["without_drivers"]["n"] == 10 * items
    lone = leanings(votes.select(rater == 3))
    assert lone["drivers"] == [] and lone["without_drivers"]["why"]


def seen(value: float, half: float, null: float = 0.5) -> dict[str, Any]:
    return Estimate(value, value - half, value + half, 500, "votes").as_json() | {"no_effect": null}


def test_several_checks_are_weighed_together():
    bias = dict.fromkeys(CHECKS, NOTHING | {"why": "Nothing to weigh."})
    bias["swap"] = NOTHING | {"why": "None.", "follows_left": NOTHING}
    assert {row["reading"] for row in bias_checks(bias)} == {"absent"}
    bias |= {
        "position": seen(0.505, 0.01),
        "length": seen(0.56, 0.01),
        "markdown": seen(0.512, 0.008),
        "maker": seen(0.54, 0.12),
        "fatigue": seen(0.021, 0.0205, 0.0),
    }
    rows = {row["check"]: row for row in bias_checks(bias)}
    assert {name: row["reading"] for name, row in rows.items()} == {
        "position": "none",
        "length": "watch",
        "markdown": "small",
        "maker": "open",
        "presentation": "absent",
        # It would stand alone, and does not among five.
        "fatigue": "open",
        "swap": "absent",
    }
    assert rows["fatigue"]["chance"] < 0.05 and not rows["fatigue"]["stands"]
    assert "chance" in rows["fatigue"]["sentence"]
    assert rows["length"]["value"] == pytest.approx(0.06) and rows["length"]["to_do"]
    assert rows["swap"]["sentence"] == "None."
    bias["swap"]["follows_left"] = seen(0.8, 0.05)
    last = bias_checks(bias)[-1]
    assert (last["of"], last["reading"]) == ("follows_left", "watch")


def test_students_t_is_near_its_tables():
    for freedom, point in ((4, 2.776), (10, 2.228), (19, 2.093), (120, 1.980)):
        assert student95(freedom) == pytest.approx(point, rel=0.02)


def test_the_chance_agrees_with_the_interval():
    assert chance_of(Estimate(0.6, 0.5, 0.7, 9, ""), 0.5) == pytest.approx(0.05)
    assert chance_of(Estimate(0.4, 0.35, 0.55, 9, ""), 0.5) > 0.05
    assert chance_of(Estimate(0.5, 0.4, 0.6, 9, ""), 0.5) == 1
    assert chance_of(Estimate.undefined("-", unit=""), 0.5) is None
