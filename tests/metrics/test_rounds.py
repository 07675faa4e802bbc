"""Rounds on one scale: against cases computed by hand, and what they say when there is none."""

from itertools import pairwise
from math import log, log10, sqrt
from typing import Any

import numpy as np
import pytest

from labeling.metrics.estimates import Z95
from labeling.metrics.one_scale import change, one_scale
from labeling.metrics.rounds import MOST_MODELS, RoundMark, round_rows
from labeling.metrics.votes import Votes

DAY = 86_400
MODELS = ("anchor", "new", "old")


class Study:
    """Votes put together a pair of models and a round at a time: one vote for each item."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int, int]] = []
        self.rounds: list[int] = []
        self.at: list[int] = []
        self.gold: list[int] = []
        self.names: dict[str, int] = {}

    def votes(
        self, round_: int, one: str, other: str, wins: int, losses: int, *, gold: int = -1
    ) -> "Study":
        a, b = (self.names.setdefault(name, len(self.names)) for name in (one, other))
        for k in range(wins + losses):
            self.rows.append((len(self.rows), 0, 0 if k < wins else 1, a, b))
            self.rounds.append(round_)
            self.at.append(abs(round_) * DAY + 1)
            self.gold.append(gold)
        return self

    def read(self, kept: dict[int, int] | None = None) -> list[dict[str, Any]]:
        table = np.array(self.rows, dtype=np.int64).reshape(-1, 5)
        votes = Votes.from_columns(
            comparison=table[:, 0],
            rater=table[:, 1],
            preference=table[:, 2],
            model_a=table[:, 3],
            model_b=table[:, 4],
            model_names={number: name for name, number in self.names.items()},
            rater_names={0: "r"},
        )
        numbers = sorted({number for number in self.rounds if number > 0})
        return round_rows(
            votes,
            np.array(self.at, dtype=np.int64),
            rounds=[RoundMark(number, number * DAY) for number in numbers],
            round_of_item=[number if number > 0 else -1 for number in self.rounds],
            judges=[False],
            gold=self.gold,
            kept=kept,
        )


def two_rounds() -> list[dict[str, Any]]:
    """Old wins 30 of 40 against the anchor; then new does, and old 20 of 40."""
    study = Study().votes(1, "old", "anchor", 30, 10)
    return study.votes(2, "new", "anchor", 30, 10).votes(2, "old", "anchor", 20, 20).read()


def test_two_rounds_by_hand():
    """Odds of three to one are 400·log10(3) Elo points; the anchor keeps its first value."""
    points = 400 * log10(3)
    scale = one_scale(two_rounds(), "anchor")
    assert scale.value == pytest.approx(1000 - points / 2)
    first, second = scale.rounds
    by_model = {score.model: score for score in first.scores}
    assert by_model["old"].elo == pytest.approx(scale.value + points)
    assert by_model["anchor"].elo == scale.value
    assert by_model["anchor"].low is None
    by_model = {score.model: score for score in second.scores}
    assert by_model["anchor"].elo == scale.value
    assert by_model["new"].elo == pytest.approx(scale.value + points)
    assert by_model["old"].elo == pytest.approx(scale.value)
    # One vote an item: the sandwich is 1/(n·p·(1−p)), times G/(G − 1).
    error = sqrt(1 / (40 * 0.75 * 0.25) * 40 / 39) * 400 / log(10)
    (old,) = (score for score in first.scores if score.model == "old")
    assert old.high == pytest.approx(scale.value + points + Z95 * error)
    assert old.low == pytest.approx(scale.value + points - Z95 * error)


def test_the_change_is_taken_within_a_round_that_has_both():
    found = change(two_rounds(), new="new", base="old", anchor="anchor")
    assert found.points.value == pytest.approx(400 * log10(3))
    # Both are known by way of the anchor alone: the variances add, of 80 items.
    variance = (1 / (40 * 0.75 * 0.25) + 1 / (40 * 0.25)) * 80 / 79
    assert found.points.high == pytest.approx(
        found.points.value + Z95 * sqrt(variance) * 400 / log(10)
    )
    assert found.win_rate == pytest.approx(0.75)
    assert found.how == "in round 2, which compares both"
    assert found.points.n == 80


def test_the_change_across_rounds_goes_by_way_of_the_anchor():
    study = Study().votes(1, "old", "anchor", 30, 10).votes(2, "new", "anchor", 36, 4)
    found = change(study.read(), new="new", base="old", anchor="anchor")
    assert found.points.value == pytest.approx(400 * log10(9) - 400 * log10(3))
    variance = (1 / (40 * 0.9 * 0.1) + 1 / (40 * 0.75 * 0.25)) * 40 / 39
    assert found.points.low == pytest.approx(
        found.points.value - Z95 * sqrt(variance) * 400 / log(10)
    )
    assert found.how == "round 2 against round 1, by way of anchor"


def test_without_an_anchor_no_round_is_on_a_common_scale_and_each_says_so():
    scale = one_scale(two_rounds(), "")
    assert scale.value is None
    assert "No round names an anchor" in scale.why
    assert {score.elo for row in scale.rounds for score in row.scores} == {None}


def test_a_round_without_the_anchor_says_so_and_the_others_keep_their_scores():
    study = Study().votes(1, "old", "anchor", 30, 10).votes(2, "new", "old", 30, 10)
    scale = one_scale(study.read(), "anchor")
    first, second = scale.rounds
    assert {score.elo is None for score in first.scores} == {False}
    assert second.why == "anchor is in no judged comparison of this round."
    assert all(score.elo is None and score.why for score in second.scores)
    lost = change(study.read(), new="unheard", base="old", anchor="anchor")
    assert lost.points.value is None
    assert "by way of anchor" in lost.points.why


def test_an_anchor_that_nobody_judged_is_named():
    scale = one_scale(two_rounds(), "oak")
    assert scale.value is None
    assert "oak, the anchor" in scale.why


def test_models_that_the_judgments_do_not_connect_have_no_score():
    """Two islands, and a model that never lost: what a round cannot say, it does not."""
    study = Study().votes(1, "old", "anchor", 30, 10).votes(1, "x", "y", 3, 2)
    study.votes(1, "star", "old", 9, 0)
    (only,) = one_scale(study.read(), "anchor").rounds
    known = {score.model for score in only.scores if score.elo is not None}
    assert known == {"anchor", "old"}
    assert {score.model for score in only.scores} == {"anchor", "old", "x", "y", "star"}
    assert all("do not connect it with anchor" in s.why for s in only.scores if s.elo is None)
    # What never lost does not move the others.
    old = next(score for score in only.scores if score.model == "old")
    anchor = next(score for score in only.scores if score.model == "anchor")
    assert (old.elo or 0) - (anchor.elo or 0) == pytest.approx(400 * log10(3))


def test_an_anchor_that_lost_everything_connects_nothing():
    (only,) = one_scale(Study().votes(1, "old", "anchor", 9, 0).read(), "anchor").rounds
    assert all(score.elo is None for score in only.scores)


def test_figures_of_each_round_and_gold_by_when_it_was_judged():
    study = Study().votes(1, "old", "anchor", 30, 10).votes(2, "new", "anchor", 5, 5)
    study.votes(-1, "g", "h", 6, 2, gold=0).votes(-2, "g", "h", 1, 3, gold=0)
    first, second = study.read()
    assert (first["number"], first["judgment_count"], first["comparison_count"]) == (1, 40, 40)
    assert (first["gold"]["value"], first["gold"]["n"]) == (0.75, 8)
    assert (second["gold"]["value"], second["gold"]["n"]) == (0.25, 4)
    assert first["krippendorff_alpha_ordinal"]["value"] is None
    assert first["krippendorff_alpha_ordinal"]["why"]
    assert first["longer"]["why"]
    assert all("g" not in part["models"] for part in first["scores"])


def test_items_asked_again_are_counted_where_both_times_most_agree():
    study = Study().votes(1, "old", "anchor", 3, 1).votes(2, "old", "anchor", 2, 2)
    _, second = study.read(kept={4: 0, 5: 1, 6: 2, 7: 3, 99: 0})
    # Of four asked again: two for old both times, one turned, one for the anchor both times.
    assert second["kept"]["value"] == 0.75
    assert second["kept"]["n"] == 4
    (first, _) = study.read()
    assert first["kept"]["value"] is None


def test_no_votes_make_no_rounds():
    assert Study().read() == []
    assert one_scale([], "anchor").rounds == ()


def test_of_very_many_models_scores_are_kept_and_intervals_say_why_not():
    study = Study()
    names = [f"m{k:02d}" for k in range(MOST_MODELS + 1)]
    for one, other in pairwise(names):
        study.votes(1, one, other, 2, 2)
    rows = study.read()
    (only,) = one_scale(rows, "m00").rounds
    other = next(score for score in only.scores if score.model == "m05")
    assert other.elo == pytest.approx(1000)
    assert other.low is None
    assert other.why
    assert change(rows, new="m01", base="m00", anchor="").points.note
