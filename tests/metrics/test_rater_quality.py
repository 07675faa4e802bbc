"""Quality of raters: known tails, each signal on votes a reader can count, and planted raters."""

import math

import numpy as np
import pytest

from labeling.metrics import binomial
from labeling.metrics.near_duplicates import near_duplicates
from labeling.metrics.quality_words import DEFINITIONS
from labeling.metrics.rater_counts import Work, is_fast, longest_runs
from labeling.metrics.rater_quality import Pool
from labeling.metrics.votes import Votes
from tests.metrics.building import votes_of


def work_of(votes: Votes, known=None, words=None, **more) -> Work:
    size = len(votes)
    nothing = np.zeros(size, np.bool_)
    columns = {
        "is_measured": nothing,
        "has_paste": nothing,
        "has_copy": nothing,
        "has_return": nothing,
        "keystrokes": np.full(size, -1),
        "rationale_chars": np.zeros(size, np.int64),
        "is_alike": nothing,
    } | {name: np.asarray(values) for name, values in more.items()}
    return Work(
        votes=votes,
        known=np.full(votes.item_count, -1) if known is None else np.asarray(known),
        words=np.full(size, -1) if words is None else np.asarray(words),
        **columns,
    )


class TestTails:
    @pytest.mark.parametrize(
        ("successes", "n", "share"),
        [(53, 77, 0.8), (0, 5, 0.85), (374, 640, 0.493), (9, 15, 0.84), (480, 1000, 0.5)],
    )
    def test_they_are_the_sums_of_the_binomial(self, successes, n, share):
        below = math.fsum(
            math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(successes + 1)
        )
        assert binomial.at_most(successes, n, share) == pytest.approx(below, abs=1e-12)
        above = (
            1 - below + math.comb(n, successes) * share**successes * (1 - share) ** (n - successes)
        )
        assert binomial.at_least(successes, n, share) == pytest.approx(above, abs=1e-12)

    def test_edges(self):
        assert binomial.at_most(-1, 4, 0.5) == 0
        assert binomial.at_most(4, 4, 0.5) == binomial.at_least(0, 4, 0.5) == 1
        assert binomial.two_sided(2, 4, 0.5) == 1

    def test_fishers_own_example(self):
        # Statistical Methods for Research Workers, § 21.1: .145, .263, .087 give 11.4181 of a
        # chi-square with 6 degrees, whose 5 % point is 12.592 and 10 % point 10.645.
        together = binomial.all_together([0.145, 0.263, 0.087])
        assert -2 * math.log(0.145 * 0.263 * 0.087) == pytest.approx(11.418, abs=1e-2)
        assert 0.05 < together < 0.10

    def test_the_example_of_benjamini_and_hochberg(self):
        # Their table of 15 comparisons (1995, section 4.2): four stand out at q = .05.
        chances = [
            *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
            *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
        ]
        assert binomial.benjamini_hochberg(chances, 0.05) == [True] * 4 + [False] * 11


class TestSignals:
    def test_fast_is_under_three_tenths_of_reading_and_always_under_two_seconds(self):
        # 238 words take a minute: 18 s are three tenths of it.
        active = np.array([17_999, 18_000, 1_999, 2_000, -1])
        words = np.array([238, 238, 1, 1, 238])
        assert is_fast(active, words).tolist() == [True, False, True, False, False]

    def test_the_longest_run_is_counted_within_a_rater(self):
        rows = [(f"i{k}", "r", side) for k, side in enumerate("aaabaa")]
        votes = votes_of(rows, left=list("aaaaaa"))
        longest, n = longest_runs(votes)
        assert (longest.tolist(), n.tolist()) == ([3], [6])

    def test_a_run_of_seventeen_in_640_is_one_in_two_hundred(self):
        sides = ["a"] * 17 + ["b", "a"] * 311 + ["b"]
        rows = [(f"i{k:03}", "r", side) for k, side in enumerate(sides)]
        pool = Pool(work_of(votes_of(rows, left=["a"] * len(rows))))
        run = next(one for one in pool.signals(0) if one.key == "run")
        assert (run.value, run.n, run.weight) == (17, 640, "some")
        assert run.chance == pytest.approx(640 * 2**-17)

    def test_gold_fails_when_so_few_are_right(self):
        rows = [(f"i{k:02}", "r", "a" if k < 53 else "b") for k in range(77)]
        votes = votes_of(rows)
        gold = next(
            one for one in Pool(work_of(votes, known=[0] * 77)).signals(0) if one.key == "gold"
        )
        assert (gold.hits, gold.n, gold.weight) == (53, 77, "some")
        assert gold.chance == pytest.approx(1 / 74, rel=0.02)
        assert Pool(work_of(votes, known=[0] * 77), gold_bar=0.9).signals(0)[3].weight == "strong"

    def test_repeats_are_held_against_the_first_answer(self):
        rows = [("i", "r", "a"), ("j", "r", "b"), ("i", "r", "a"), ("j", "r", "tie")]
        votes = votes_of(rows, repeats=[False, False, True, True])
        again = next(one for one in Pool(work_of(votes)).signals(0) if one.key == "repeats")
        assert (again.hits, again.n) == (1, 2)

    def test_reasons_are_read_for_pastes_and_keystrokes(self):
        rows = [(f"i{k}", "r", "a") for k in range(4)]
        work = work_of(
            votes_of(rows),
            is_measured=[True, True, True, False],
            has_paste=[True, False, False, False],
            keystrokes=[9, 10, -1, 0],
            rationale_chars=[20, 20, 20, 20],
        )
        by_key = {one.key: (one.hits, one.n) for one in Pool(work).signals(0)}
        assert by_key["pasted"] == (1, 3)
        assert by_key["typed"] == (1, 2)

    def test_every_signal_is_defined_and_says_what_it_counted_or_why_not(self):
        signals = Pool(work_of(votes_of([("i", "r", "tie")]))).signals(0)
        assert {one.key for one in signals} == set(DEFINITIONS)
        for one in signals:
            assert one.words
            assert (one.value is None) == (one.n == 0)
            assert one.weight == "none"


class TestNearDuplicates:
    TEXT = "A is clearer, better structured and more complete than the other answer is, I think"

    def test_a_word_or_two_changed_in_a_long_text_is_near(self):
        long = " ".join(f"word{k}" for k in range(100))
        changed = long.replace("word99", "other")
        (pair, twin) = near_duplicates(
            ["Quite another thing altogether, said in more words", long, changed]
        )
        assert (pair.first, pair.second) == (twin.first, twin.second) == (1, 2)
        assert pair.share > 0.9

    def test_case_and_points_do_not_matter_and_short_texts_never_count(self):
        assert len(near_duplicates([self.TEXT, self.TEXT.upper() + "!!"])) == 2
        assert near_duplicates(["A is better than B", "A is better than B"]) == []

    def test_many_alike_are_all_found_and_cost_little(self):
        found = near_duplicates([self.TEXT] * 3_000)
        assert len(found) == 3_000


def planted(seed: int, kinds: list[str], votes_each: int = 60, gold_each: int = 6) -> Pool:
    """Raters of these kinds on shared items, three to an item, with ordinary texts and times.

    Careful ones differ in care and in pace; half effort answers every other one at a glance.
    """
    draw = np.random.default_rng(seed)
    count = len(kinds)
    open_each = votes_each - gold_each
    items = count * open_each // 3
    deck = np.concatenate([draw.permutation(items) for _ in range(4)])[: count * open_each]
    item = np.concatenate(
        [
            deck.reshape(count, open_each),
            items + np.stack([draw.choice(20, gold_each, replace=False) for _ in range(count)]),
        ],
        axis=1,
    )
    total = items + 20
    gap = draw.normal(0, 1.3, total)
    gap[items:] = draw.choice([-1, 1], 20) * 2.5
    lengths = draw.integers(300, 1500, (total, 2))
    words = lengths.sum(axis=1) // 6 + 40
    rows = []
    for rater, kind in enumerate(kinds):
        care, pace = draw.normal(1.6, 0.3), draw.lognormal(-0.35, 0.25)
        taste = draw.normal(0, 0.2)
        for place in draw.permutation(votes_each):
            key = item[rater, place]
            left = int(draw.random() < 0.5)
            longer = int(lengths[key, 1] > lengths[key, 0])
            pull = care * gap[key] + taste * (1 if longer else -1) + draw.logistic()
            vote = int(pull > 0)
            if abs(pull) < 0.4:
                vote = 2
            seconds = words[key] * 60 / 238 * pace * draw.lognormal(0, 0.4)
            is_idle = kind == "half" and draw.random() < 0.5
            if kind == "random" or is_idle:
                vote = int(draw.random() < 0.5)
            elif kind == "left":
                vote = left
            elif kind == "longer":
                vote = longer
            if is_idle:
                seconds = 2 + draw.exponential(3)
            rows.append((key, rater, vote, left, round(seconds * 1000), words[key]))
    columns = np.array(rows).T
    votes = Votes.from_columns(
        comparison=columns[0],
        rater=columns[1],
        preference=columns[2],
        shown_left=columns[3],
        active_ms=columns[4],
        length_a=lengths[columns[0], 0],
        length_b=lengths[columns[0], 1],
        model_names={},
        rater_names={rater: f"{rater:03}" for rater in range(count)},
    )
    right = (gap > 0).astype(int)
    known = np.where(votes.item_keys >= items, right[votes.item_keys], -1)
    return Pool(work_of(votes, known=known, words=columns[5]))


def test_planted_raters_are_caught_at_one_false_alarm_in_twenty():
    kinds = ["careful"] * 32 + ["random", "left", "longer", "half"] * 2
    chances: dict[str, list[float]] = {}
    for seed in range(30):
        pool = planted(seed, kinds)
        for rater, kind in enumerate(kinds):
            chances.setdefault(kind, []).append(pool.together(rater))
    careful = np.array(chances.pop("careful"))
    for false_alarms, least in ((0.05, 0.9), (0.01, 0.8)):
        bar = np.quantile(careful, false_alarms)
        caught = {kind: np.mean(np.array(found) < bar) for kind, found in chances.items()}
        assert np.mean(list(caught.values())) >= least, caught
        if false_alarms == 0.05:
            assert min(caught.values()) >= least, caught
    # As the page says it: of careful raters, at most one in twenty stands out so far.
    assert np.mean(careful < 0.05) <= 0.05


def test_nobody_stands_out_in_a_pool_of_careful_raters_for_being_watched_longer():
    pool = planted(1, ["careful"] * 30, votes_each=600, gold_each=18)
    out = [pool.together(rater) < 0.001 for rater in range(30)]
    assert sum(out) <= 1
