"""Agreement of parts: each is what its own votes alone give, and what cannot be had says why."""

import itertools
import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from labeling.metrics import agreement, agreement_by
from labeling.metrics.cohen import Scale, kappas
from labeling.metrics.groups import Attribute, shown_groups
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import Votes

DAY = agreement_by.DAY
MONDAY = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())


def votes_of(rows: list[tuple[int, int, int, int]]) -> Votes:
    """Votes from (item, rater, preference, strength)."""
    item, rater, preference, strength = zip(*rows, strict=True) if rows else ([], [], [], [])
    return Votes.from_columns(
        comparison=item,
        rater=rater,
        preference=preference,
        strength=strength,
        model_names={},
        rater_names={k: f"r{k}" for k in range(200)},
    )


def planted(items: int, raters: int, seed: int = 7) -> Votes:
    """Every rater on every item; strengths near the item's own."""
    random = np.random.default_rng(seed)
    rows = []
    for item, lean in enumerate(random.normal(0, 1.4, items)):
        for rater in range(raters):
            score = int(np.clip(np.round(lean + random.normal(0, 1.2)), -3, 3))
            rows.append((item, rater, 2 if score == 0 else int(score > 0), abs(score)))
    return votes_of(rows)


def scores(votes: Votes) -> np.ndarray[Any, Any]:
    side = np.array([-1, 1, 0, 0])[votes.preference]
    return np.asarray(side * votes.strength).reshape(votes.item_count, -1)


def weighted_kappa(a: list[int], b: list[int]) -> float:
    """Cohen (1968) written out: observed over expected squared distance, from 1."""
    observed = sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a)
    expected = sum((x - y) ** 2 for x in a for y in b) / len(a) ** 2
    return 1 - observed / expected


def test_weighted_kappa_of_every_pair_is_that_of_its_definition() -> None:
    votes = planted(60, 4)
    table = scores(votes)
    rows = {row["steps"]: row for row in agreement_by.by_scale(votes)}
    for steps, collapsed in (
        (7, table),
        (4, np.sign(table) * np.minimum(np.abs(table), 2)),
        (2, np.sign(table)),
    ):
        found, weight = [], []
        for one, other in itertools.combinations(range(4), 2):
            both = np.ones(60, bool) if steps == 7 else (table[:, [one, other]] != 0).all(axis=1)
            found.append(weighted_kappa(*(collapsed[both, k].tolist() for k in (one, other))))
            weight.append(int(both.sum()))
        kappa = rows[steps]["kappa_quadratic"]
        assert kappa["value"] == pytest.approx(np.average(found, weights=weight), abs=1e-12)
        assert kappa["low"] < kappa["value"] < kappa["high"] and kappa["n"] == 6
    assert rows[7]["dropped_count"] == 0
    assert rows[2]["dropped_count"] == int((table == 0).sum())


def test_scales_collapse_the_same_answers() -> None:
    votes = planted(40, 3)
    rows = {row["steps"]: row for row in agreement_by.by_scale(votes)}
    whole, alpha = agreement.estimate(
        ItemPatterns.of(votes.score_counts()),
        [agreement.PERCENT_POOLED, agreement.alpha_interval(range(-3, 4))],
    )
    assert rows[7]["percent"]["value"] == whole.value
    assert rows[7]["alpha_interval"]["value"] == pytest.approx(alpha.value, abs=1e-12)
    decisive = agreement.estimate(
        ItemPatterns.of(votes.answer_counts()), [agreement.PERCENT_DECISIVE]
    )[0]
    assert rows[2]["percent"]["value"] == decisive.value
    assert rows[7]["percent"]["value"] < rows[4]["percent"]["value"] < rows[2]["percent"]["value"]


def test_a_finer_scale_than_was_asked_is_not_made_up() -> None:
    rows = [(item, rater, item % 2, 1) for item in range(30) for rater in range(2)]
    of_two = {row["steps"]: row for row in agreement_by.by_scale(votes_of(rows), asked=2)}
    assert of_two[2]["percent"]["value"] == 1
    for steps in (4, 7):
        assert of_two[steps]["percent"]["value"] is None
        assert of_two[steps]["kappa_quadratic"]["why"] == "Raters were asked on a scale of 2 steps."
    unknown = [(item, rater, preference, -1) for item, rater, preference, _ in rows]
    of_seven = {row["steps"]: row for row in agreement_by.by_scale(votes_of(unknown))}
    assert of_seven[2]["percent"]["value"] == 1 and of_seven[2]["dropped_count"] == 0
    assert of_seven[7]["alpha_interval"]["why"] == agreement_by.NO_STRENGTH


def test_a_pairs_kappa_has_the_error_of_fleiss_cohen_and_everitt() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: kappa .4, by their formula for the error."""
    cells = [(0, 0)] * 20 + [(0, 1)] * 5 + [(1, 0)] * 10 + [(1, 1)] * 15
    votes = votes_of([(k, r, pair[r], 1) for k, pair in enumerate(cells) for r in (0, 1)])
    found = agreement_by.by_pair(votes)
    assert found["count"] == 1 and found["highest"] == []
    (row,) = found["lowest"]
    assert row["raters"] == ["r0", "r1"] and row["shared"] == 50
    share = np.array([[0.4, 0.1], [0.2, 0.3]])
    rows, columns = share.sum(1), share.sum(0)
    chance = float(rows @ columns)
    kappa = 0.4
    first = sum(share[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in (0, 1))
    second = (1 - kappa) ** 2 * sum(
        share[i, j] * (columns[i] + rows[j]) ** 2 for i, j in ((0, 1), (1, 0))
    )
    third = (kappa - chance * (1 - kappa)) ** 2
    error = math.sqrt((first + second - third) / 50) / (1 - chance)
    assert row["kappa"]["value"] == pytest.approx(0.4)
    assert row["kappa"]["high"] == pytest.approx(0.4 + 1.959963984540054 * error, abs=1e-12)
    assert row["percent"]["value"] == pytest.approx(0.7) and row["percent"]["n"] == 50


def test_pairs_are_listed_from_both_ends_once_each() -> None:
    few = agreement_by.by_pair(planted(25, 5))
    assert few["count"] == 10 and len(few["lowest"]) == len(few["highest"]) == 5
    found = [row["kappa"]["value"] for row in few["lowest"] + few["highest"]]
    assert found == sorted(found)
    many = agreement_by.by_pair(planted(20, 18))
    assert many["count"] == 153 and len(many["lowest"]) == len(many["highest"]) == 50
    named = [tuple(row["raters"]) for row in many["lowest"] + many["highest"]]
    assert len(set(named)) == 100


def test_a_round_is_judged_by_its_own_votes() -> None:
    votes = planted(30, 3)
    of_item = np.where(np.arange(30) < 12, 1, np.where(np.arange(30) < 25, 3, -1))
    rows = agreement_by.by_round(votes, of_item)
    assert [row["round"] for row in rows] == [1, 3]
    assert [row["item_count"] for row in rows] == [12, 13]
    alone = agreement_by.part(votes.select(votes.item < 12))
    assert {"round": 1} | alone == rows[0]
    assert rows[0]["rater_count"] == 3 and rows[0]["judgment_count"] == 36


def test_a_criterion_that_half_the_votes_lack_is_of_the_other_half() -> None:
    votes = planted(20, 4)
    answer = votes.answer.astype(np.int64)
    half = np.where(votes.item % 2 == 0, answer, -1)
    tied = np.ones(len(votes), dtype=np.int64)
    nothing = np.full(len(votes), -1)
    rows = agreement_by.by_criterion(
        votes, {"whole": answer, "half": half, "tied": tied, "nothing": nothing}
    )
    whole, part, tie, none = rows
    assert whole["alpha"] == agreement_by.part(votes)["alpha"] and whole["missing_count"] == 0
    assert part["missing_count"] == 40 and part["item_count"] == 10
    assert part["alpha"] == agreement_by.part(votes.select(votes.item % 2 == 0))["alpha"]
    assert tie["ties"]["value"] == 1 and tie["alpha"]["value"] is None and tie["alpha"]["why"]
    assert none["alpha"]["value"] is None and none["ties"]["why"] == agreement_by.NO_VOTES


def test_groups_are_compared_within_and_small_ones_withheld() -> None:
    votes = planted(20, 15)
    names = ["old"] * 5 + ["young"] * 6 + ["few"] * 4
    known = {f"r{k}": name for k, name in enumerate(names)}
    attribute = Attribute("age", "noted", [known[name] for name in votes.raters])
    (row,) = agreement_by.by_group(votes, shown_groups([attribute], votes, smallest=5))
    assert "few" not in json.dumps(row) and row["is_withheld"]
    # The four would follow from the whole less the others: so one more is withheld with them.
    assert row["groups"] == [] and row["why"]
    attribute = Attribute("age", "noted", ["old"] * 5 + ["young"] * 10)
    (row,) = agreement_by.by_group(votes, shown_groups([attribute], votes, smallest=5))
    old = agreement_by.part(votes.select(votes.rater < 5))
    assert row["groups"][0] == {"group": "old"} | old
    assert row["groups"][1]["rater_count"] == 10


def test_windows_are_days_or_weeks_by_an_items_first_vote() -> None:
    votes = planted(12, 3)
    began = MONDAY + np.arange(12) // 6 * 3 * DAY
    judged_at = began[votes.item] + votes.rater * DAY
    found = agreement_by.by_window(votes, judged_at)
    assert found["seconds"] == DAY and found["undated_count"] == 0
    assert [row["from"] for row in found["rows"]] == [MONDAY, MONDAY + 3 * DAY]
    assert [row["judgment_count"] for row in found["rows"]] == [18, 18]
    assert found["rows"][0]["alpha"] == agreement_by.part(votes.select(votes.item < 6))["alpha"]
    # Sixty days are too many rows: weeks, from a Monday.
    long = agreement_by.by_window(planted(60, 2), MONDAY + np.repeat(np.arange(60), 2) * DAY)
    assert long["seconds"] == 7 * DAY and len(long["rows"]) == 9
    assert long["rows"][0]["from"] == MONDAY and long["rows"][-1]["item_count"] == 4


def test_an_item_with_an_undated_vote_is_in_no_window() -> None:
    votes = planted(10, 2)
    judged_at = np.where(votes.item == 0, -1, MONDAY)
    found = agreement_by.by_window(votes, judged_at)
    assert found["undated_count"] == 1 and found["rows"][0]["item_count"] == 9
    none = agreement_by.by_window(votes, np.full(len(votes), -1))
    assert none["rows"] == [] and none["why"] == agreement_by.UNDATED


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(0, 0, 0, 1)],
        [(item, 0, item % 2, 1) for item in range(30)],
        [(item, rater, 2, 0) for item in range(30) for rater in range(3)],
        [(item, rater, 0, -1) for item in range(30) for rater in range(3)],
        [(0, rater, rater % 2, 3) for rater in range(50)],
    ],
    ids=["no votes", "one vote", "one rater", "all ties", "one answer", "one item"],
)
def test_what_cannot_be_had_says_why_and_is_never_nan(
    rows: list[tuple[int, int, int, int]],
) -> None:
    votes = votes_of(rows)
    found = {
        "part": agreement_by.part(votes),
        "rounds": agreement_by.by_round(votes, np.zeros(votes.item_count, np.int64)),
        "criteria": agreement_by.by_criterion(votes, {"x": votes.answer.astype(np.int64)}),
        "windows": agreement_by.by_window(votes, np.full(len(votes), MONDAY)),
        "pairs": agreement_by.by_pair(votes),
        "scales": agreement_by.by_scale(votes),
    }
    text = json.dumps(found, allow_nan=False)

    def estimates(value: Any) -> list[dict[str, Any]]:
        if isinstance(value, dict):
            own = [value] if "value" in value else []
            return own + [one for part in value.values() for one in estimates(part)]
        return [one for part in value for one in estimates(part)] if isinstance(value, list) else []

    assert text and all(one["value"] is not None or one["why"] for one in estimates(found))


def test_kappas_of_two_scales_at_once_are_those_of_each_alone() -> None:
    votes = planted(30, 4)
    code = scores(votes).ravel() + 3
    plain = Scale(np.array([0, 0, 0, 1, 2, 2, 2]), 1 - np.eye(3))
    squared = np.subtract.outer(np.arange(7), np.arange(7)).astype(float) ** 2
    full = Scale(np.arange(7), squared)
    both = kappas(votes, code, [plain, full])
    for one, alone in zip(both, [plain, full], strict=True):
        again = kappas(votes, code, [alone])[0]
        assert one.mean == again.mean and (one.kappa == again.kappa).all()
