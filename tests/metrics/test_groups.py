"""Groups of raters: which may be shown, their boards, gaps and items, and rules of adding up."""

import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bench.groups import planted_groups, rates
from labeling.metrics.bradley_terry import Encounters, bradley_terry, limits
from labeling.metrics.disagreement import disagreement
from labeling.metrics.group_boards import board_rows, group_boards, variance
from labeling.metrics.group_gaps import gap_rows, rule_rows
from labeling.metrics.group_items import item_differences, permutation_chances, share_for_a
from labeling.metrics.group_labels import GroupCounts, alike_within, label_rows
from labeling.metrics.group_report import group_rows
from labeling.metrics.groups import Attribute, Grouping, shown_groups
from labeling.metrics.tails import beta_limits, q_values, t_quantile, t_two_sided
from labeling.metrics.votes import Votes
from tests.metrics.building import votes_of


def attribute(votes: Votes, groups: dict[str, str], name: str = "age") -> Attribute:
    return Attribute(name, "noted", [groups.get(rater, "") for rater in votes.raters])


def of_sizes(**sizes: int) -> tuple[Votes, dict[str, str]]:
    """One vote each of so many raters of each group; `none` are in no group."""
    groups = {
        f"{name}{k:02d}": "" if name == "none" else name
        for name, size in sizes.items()
        for k in range(size)
    }
    return votes_of([("i", rater, "a") for rater in groups]), groups


def shown(smallest: int = 5, **sizes: int) -> Grouping:
    votes, groups = of_sizes(**sizes)
    return shown_groups([attribute(votes, groups)], votes, smallest=smallest)[0]


class TestWhatMayBeShown:
    def test_a_small_group_is_withheld_and_the_next_one_with_it(self) -> None:
        # The whole less seven and eight would be the four, so five go with them.
        found = shown(w=7, x=8, y=5, z=4)
        assert found.names == ("w", "x") and found.others == 9 and found.is_withheld

    def test_raters_in_no_group_hide_a_small_one_among_them(self) -> None:
        found = shown(w=7, x=8, y=5, z=4, none=3)
        assert found.names == ("w", "x", "y") and found.others == 7

    def test_a_few_raters_in_no_group_are_a_small_group_too(self) -> None:
        found = shown(w=7, x=8, y=5, none=2)
        assert found.names == ("w", "x") and found.others == 7 and found.is_withheld

    def test_nothing_is_withheld_where_all_are_large(self) -> None:
        found = shown(w=7, x=8)
        assert found.names == ("w", "x") and found.others == 0 and not found.is_withheld

    def test_one_group_is_nothing_to_compare(self) -> None:
        assert not shown(w=7, x=4).is_comparable

    def test_who_gave_no_vote_is_in_no_group(self) -> None:
        votes, groups = of_sizes(w=6, x=6)
        quiet = votes.select(votes.rater != 0)
        found = shown_groups([attribute(votes, groups)], quiet, smallest=5)[0]
        assert found.sizes == (5, 6)

    def test_groups_of_two_attributes_tell_of_nobody_between_them(self) -> None:
        votes, groups = of_sizes(w=6, x=8)
        moved = groups | {"x00": "w"}
        both = [attribute(votes, groups), attribute(votes, moved, "team")]
        first, second = shown_groups(both, votes, smallest=5)
        assert first.is_comparable and not second.is_comparable and not second.names
        same = [attribute(votes, groups), attribute(votes, groups, "team")]
        assert all(one.is_comparable for one in shown_groups(same, votes, smallest=5))

    @pytest.mark.parametrize("seed", range(20))
    def test_what_is_left_of_the_whole_is_nobody_or_enough(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        sizes = {name: int(random.integers(1, 12)) for name in ("u", "v", "w", "x", "none")}
        found = shown(**sizes)
        assert found.others == sum(sizes.values()) - sum(found.sizes)
        assert found.others == 0 or found.others >= 5
        assert all(size >= 5 for size in found.sizes)


def compared(gap: float = 1.6, **more: Any) -> tuple[Votes, Grouping]:
    votes, by = planted_groups(seed=3, gap=gap, **more)
    return votes, shown_groups([by], votes, smallest=5)[0]


class TestBoards:
    def test_a_groups_board_is_the_fit_of_its_votes(self) -> None:
        votes, grouping = compared()
        boards = group_boards(votes, grouping)
        for place in (0, 1):
            own = votes.select(grouping.of_rater[votes.rater] == place)
            fit = bradley_terry(Encounters.of(own))
            rows = {row["model"]: row for row in board_rows(boards, place)}
            low, high = limits(fit)
            for k, name in enumerate(votes.models):
                strength = (rows[name]["elo"] - 1000) * math.log(10) / 400
                assert strength == pytest.approx(fit.strength[k], abs=1e-5)
                # Raters have tastes of their own, so the limits are wider than those of the items.
                reach = (rows[name]["high"] - rows[name]["low"]) * math.log(10) / 400
                assert reach > high[k] - low[k]

    def test_without_ratings_alike_the_error_is_that_of_the_items(self) -> None:
        # One rater for each vote: nothing to cluster by rater, and the two ways cancel.
        votes, _ = planted_groups(seed=5, gap=0, items=300)
        alone = Votes(
            **{name: getattr(votes, name) for name in Votes.__slots__}
            | {
                "rater": np.arange(len(votes), dtype=np.int32),
                "raters": tuple(f"r{k:04d}" for k in range(len(votes))),
            }
        )
        group = Attribute("age", "noted", ["x" if k % 2 else "y" for k in range(len(votes))])
        boards = group_boards(alone, shown_groups([group], alone, smallest=5)[0])
        own = alone.select(boards.grouping.of_rater[alone.rater] == 0)
        items = len(np.unique(own.item)) / (len(np.unique(own.item)) - 1)
        whole = len(np.unique(alone.item)) / (len(np.unique(alone.item)) - 1)
        wanted = np.diag(bradley_terry(Encounters.of(own)).covariance) / items * whole
        assert variance(boards, {0: np.eye(6)}) == pytest.approx(wanted, rel=0.02)

    def test_a_planted_gap_is_found_and_named(self) -> None:
        votes, grouping = compared(gap=2.2, raters=(12, 12))
        first, *rest = gap_rows(group_boards(votes, grouping))
        assert first["model"] == "m0" and first["is_found"] and first["q"] < 0.05
        assert (first["higher_in"], first["lower_in"]) == ("old", "young")
        # Strengths are about their mean, which moves by a sixth of what one model moves.
        planted = 2.2 * 5 / 6 * 400 / math.log(10)
        assert first["gap"]["low"] < planted < first["gap"]["high"]
        assert all(row["gap"]["value"] >= 0 for row in rest)

    def test_groups_of_one_mind_are_alike_by_every_rule(self) -> None:
        rows = [
            (f"i{k}", f"{group}{r}", "a" if (k + r) % 3 else "b")
            for k in range(30)
            for r in range(5)
            for group in "xy"
        ]
        votes = votes_of(rows)
        groups = {name: name[0] for name in votes.raters}
        grouping = shown_groups([attribute(votes, groups)], votes, smallest=5)[0]
        boards = group_boards(votes, grouping)
        for row in gap_rows(boards):
            assert row["gap"]["value"] == pytest.approx(0, abs=1e-9) and not row["is_found"]
        for row in rule_rows(boards):
            assert row["pooled"]["elo"] == row["balanced"]["elo"] == row["maximin"]["elo"]

    def test_balanced_is_the_mean_and_maximin_the_least_of_the_groups(self) -> None:
        votes, grouping = compared(raters=(5, 11))
        boards = group_boards(votes, grouping)
        by_group = [
            {row["model"]: row["elo"] for row in board_rows(boards, place)} for place in (0, 1)
        ]
        for row in rule_rows(boards):
            one, other = (elo[row["model"]] for elo in by_group)
            assert row["balanced"]["elo"] == pytest.approx((one + other) / 2, abs=0.01)
            assert row["maximin"]["elo"] == pytest.approx(min(one, other), abs=0.01)
            assert row["worst_in"] == grouping.names[0 if one < other else 1]
            for rule in ("pooled", "balanced", "maximin"):
                assert row[rule]["low"] < row[rule]["elo"] < row[rule]["high"]

    def test_false_alarms_are_rare_where_raters_only_have_tastes(self) -> None:
        found = rates(runs=40, gap=0.0, seed=11)
        assert found["below_5_percent"] < 0.09 and found["any_found"] <= 0.1


def brute(drawn: Sequence[int], total: Sequence[int]) -> float:
    """The chance from its definition: every way of dealing the votes out, one by one."""
    values = [score for score, count in enumerate(total) for _ in range(count)]
    size = sum(drawn)
    mean = sum(values) * size / len(values)
    off = abs(sum(score * count for score, count in enumerate(drawn)) - mean)
    ways = list(itertools.combinations(values, size))
    return sum(abs(sum(way) - mean) >= off - 1e-9 for way in ways) / len(ways)


class TestItems:
    @pytest.mark.parametrize("seed", range(6))
    def test_chances_are_those_of_dealing_the_votes_out(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        drawn = np.bincount(random.integers(0, 7, random.integers(1, 5)), minlength=7)
        rest = np.bincount(random.integers(0, 7, 6), minlength=7)
        found = permutation_chances(drawn[None, :], (drawn + rest)[None, :])
        assert found[0] == pytest.approx(brute(drawn.tolist(), (drawn + rest).tolist()))

    def test_an_item_that_parts_two_groups_is_named_with_its_numbers(self) -> None:
        rows = [("apart", f"x{r}", "a") for r in range(5)]
        rows += [("apart", f"y{r}", "b") for r in range(5)]
        rows += [("alike", f"{g}{r}", "a" if r else "b") for g in "xy" for r in range(5)]
        votes = votes_of(rows, strengths=[3] * 5 + [1] * 5 + [2] * 10)
        groups = {name: name[0] for name in votes.raters}
        grouping = shown_groups([attribute(votes, groups)], votes, smallest=5)[0]
        found = item_differences(votes, grouping)
        first, second = found.rows
        assert (found.tested, found.found) == (2, 1)
        # Ten votes, five and five: two of 252 ways are so lopsided.
        assert first["chance"] == pytest.approx(2 / 252) and first["q"] == pytest.approx(4 / 252)
        assert [(one["group"], one["mean"], one["n"]) for one in first["groups"]] == [
            ("x", -3.0, 5),
            ("y", 1.0, 5),
        ]
        assert first["difference"]["value"] == 4
        assert first["difference"]["low"] < 4 < first["difference"]["high"]
        assert first["groups"][0]["share_a"]["value"] == pytest.approx(6 / 7)
        assert second["difference"]["value"] == 0 and not second["is_found"]

    def test_without_strengths_answers_are_compared(self) -> None:
        rows = [("i", f"x{r}", "a") for r in range(5)] + [("i", f"y{r}", "tie") for r in range(5)]
        votes = votes_of(rows)
        groups = {name: name[0] for name in votes.raters}
        grouping = shown_groups([attribute(votes, groups)], votes, smallest=5)[0]
        found = item_differences(votes, grouping)
        assert found.scale.startswith("answer")
        assert found.rows[0]["difference"]["value"] == 1

    def test_a_soft_label_is_a_beta_posterior(self) -> None:
        counts = np.array([0, 2, 1, 2, 0, 0, 0])
        # Three for A and two ties: Beta(5, 2), whose limits are in any table.
        found = share_for_a(counts)
        assert found.value == pytest.approx(5 / 7)
        assert (found.low, found.high) == pytest.approx((0.35877, 0.95673), abs=1e-5)


class TestRulesOfLabels:
    def test_each_rule_says_what_its_definition_says(self) -> None:
        rows = [("one", f"x{r}", "a") for r in range(6)] + [("one", f"y{r}", "b") for r in range(2)]
        rows += [("one", "z0", "b")]
        rows += [("two", f"x{r}", "a") for r in range(6)]
        rows += [("two", "y0", "tie"), ("two", "y1", "a")]
        rows += [("alone", "x0", "a")]
        votes = votes_of(rows)
        groups = {name: name[0] for name in votes.raters}
        grouping = Grouping(
            "age", "noted", ("x", "y", "z"),
            np.array(["xyz".index(groups[name]) for name in votes.raters]), (6, 2, 1), 0, False,
        )  # fmt: skip
        found = label_rows(GroupCounts.of(votes, grouping), grouping.names)
        assert found["item_count"] == 2
        labels = {row["rule"]: (row["a"], row["b"], row["undecided"]) for row in found["rows"]}
        # "one": six of nine for a; groups say 1, 0, 0; the best and the worst off are even.
        assert labels == {"pooled": (2, 0, 0), "balanced": (1, 1, 0), "maximin": (1, 0, 1)}
        changed = {
            row["rule"]: (row["changed_count"], row["turned_count"]) for row in found["rows"]
        }
        assert changed == {"pooled": (0, 0), "balanced": (1, 1), "maximin": (1, 0)}
        served = {row["rule"]: [one["value"] for one in row["served"]] for row in found["rows"]}
        assert served["pooled"] == pytest.approx([1.0, 0.375, 0.0])
        assert served["balanced"] == pytest.approx([0.5, 0.875, 1.0])
        assert served["maximin"] == pytest.approx([0.75, 0.625, 0.5])

    def test_raters_of_one_group_are_compared_with_those_of_others(self) -> None:
        rows = [(f"i{k}", f"{g}{r}", "a" if g == "x" else "b") for k in range(9)
                for g in "xy" for r in range(5)]  # fmt: skip
        votes = votes_of(rows)
        groups = {name: name[0] for name in votes.raters}
        grouping = shown_groups([attribute(votes, groups)], votes, smallest=5)[0]
        found = alike_within(GroupCounts.of(votes, grouping))
        assert found["same_group"]["value"] == 1 and found["different_groups"]["value"] == 0
        assert found["same_group"]["n"] == 9 * 20 and found["different_groups"]["n"] == 9 * 25
        assert found["difference"]["value"] == 1


class TestDisagreement:
    def test_taste_and_noise_are_told_apart_by_repeats(self) -> None:
        random = np.random.default_rng(4)
        rows, repeats = [], []
        for k in range(400):
            # Half the raters like a with chance .9, half with .1.
            for r in range(4):
                chance = 0.9 if (k + r) % 2 else 0.1
                for again in (False, True):
                    rows.append((f"i{k:03d}", f"r{r}", "a" if random.random() < chance else "b"))
                    repeats.append(again)
        found = disagreement(votes_of(rows, repeats=repeats))["taste"]
        # Themselves: .82. One another: a third of pairs are alike (.82), two thirds opposite (.18).
        assert found["with_themselves"]["value"] == pytest.approx(0.82, abs=0.02)
        assert found["with_one_another"]["value"] == pytest.approx((0.82 + 2 * 0.18) / 3, abs=0.03)
        noise = 0.18 / (1 - (0.82 + 0.36) / 3)
        assert found["noise"]["low"] < noise < found["noise"]["high"]
        assert found["taste"]["value"] == pytest.approx(1 - found["noise"]["value"])
        assert found["noise"]["n"] == 400

    def test_raters_who_draw_from_the_same_chances_have_no_taste(self) -> None:
        random = np.random.default_rng(6)
        rows = [(f"i{k:03d}", f"r{r}", "a" if random.random() < 0.7 else "b")
                for k in range(400) for r in range(4) for _ in range(2)]  # fmt: skip
        found = disagreement(votes_of(rows, repeats=[False, True] * 1600))["taste"]
        assert found["taste"]["low"] < 0 < found["taste"]["high"]

    def test_items_are_told_apart_by_how_votes_split(self) -> None:
        splits = {"u": "aaaa", "l": "aaab", "e": "aabb", "m": "aaaabb", "t": "abt", "s": "ab"}
        names = {"a": "a", "b": "b", "t": "tie"}
        rows = [(item, f"r{k}", names[one]) for item, split in splits.items()
                for k, one in enumerate(split)]  # fmt: skip
        found = disagreement(votes_of(rows))["kinds"]
        counts = {name: row["count"] for name, row in found.items()}
        assert counts == {"unanimous": 1, "lone_dissent": 1, "near_even": 2, "between": 1}
        assert found["near_even"]["value"] == pytest.approx(0.4)


class TestEdges:
    @pytest.mark.parametrize(
        "rows",
        [
            [],
            [("i", f"{g}{r}", "tie") for g in "xy" for r in range(5)],
            [(f"i{g}", f"{g}{r}", "a") for g in "xy" for r in range(5)],
            [("i", f"{g}{r}", "both_bad") for g in "xy" for r in range(5)],
        ],
    )
    @pytest.mark.parametrize("pair", [("north", "south"), ("north", "north")])
    def test_bad_input_says_why_and_is_json(self, rows: Any, pair: tuple[str, str]) -> None:
        votes = votes_of(rows, models={"i": pair, "ix": pair, "iy": pair})
        groups = {name: name[0] for name in votes.raters}
        groupings = shown_groups([attribute(votes, groups)], votes, smallest=5)
        found = group_rows(votes, groupings, smallest=5)
        json.dumps([found, disagreement(votes)], allow_nan=False)
        row = found[0]
        assert row.get("why") or row["gaps"] or row["why_no_gaps"]

    def test_a_disconnected_board_rests_on_a_prior_and_is_not_compared(self) -> None:
        rows = [(f"i{k}", f"{g}{r}", "a") for k in range(4) for g in "xy" for r in range(5)]
        votes = votes_of(rows)
        groups = {name: name[0] for name in votes.raters}
        groupings = shown_groups([attribute(votes, groups)], votes, smallest=5)
        (row,) = group_rows(votes, groupings, smallest=5)
        assert row["gaps"] == [] and row["why_no_gaps"] and row["rules"]["models"] == []
        assert all(one["prior_sd"] == 2 and one["why"] for one in row["groups"])
        assert row["rules"]["labels"]["rows"][0]["a"] == 4


def test_tails_are_those_of_tables() -> None:
    assert t_quantile(0.05, 4) == pytest.approx(2.776, abs=5e-4)
    assert t_quantile(0.01, 10) == pytest.approx(3.169, abs=5e-4)
    assert t_quantile(0.05, 1e7) == pytest.approx(1.96, abs=5e-4)
    assert t_two_sided(2.228, 10) == pytest.approx(0.05, abs=5e-5)
    assert t_two_sided(0, 3) == 1 and t_two_sided(1e-12, 3) == pytest.approx(1)
    assert beta_limits(1, 1) == pytest.approx((0.025, 0.975))
    # Benjamini and Hochberg (1995), § 4.2, the first four of fifteen.
    small = np.array([0.0001, 0.0004, 0.0019, 0.0095, 0.0201])
    assert q_values(small, 15)[:4] == pytest.approx([0.0015, 0.003, 0.0095, 0.035625])
