"""True answers from several votes: by loops written again here, on planted raters, at the edges."""

import math
from itertools import product

import numpy as np
import pytest

from labeling.metrics.aggregation import RULES, aggregate, learn
from labeling.metrics.dawid_skene import chance_of_a, dawid_skene, decisive_dawid_skene
from labeling.metrics.fixed_point import fixed_point
from labeling.metrics.joint_model import item_posterior, joint_model
from labeling.metrics.votes import Votes
from tests.metrics.building import votes_of
from tests.metrics.planted_raters import planted, right

A, TIE, B = 0, 1, 2


def looped_dawid_skene(rows, classes, off, diagonal, steps):
    """Dawid and Skene's EM, a vote at a time."""
    items = sorted({item for item, _, _ in rows})
    raters = sorted({rater for _, rater, _ in rows})
    chance = {}
    for item in items:
        said = [answer for other, _, answer in rows if other == item]
        chance[item] = [said.count(k) / len(said) for k in range(classes)]
    for _ in range(steps):
        share = [sum(chance[item][k] for item in items) / len(items) for k in range(classes)]
        confusion = {}
        for rater in raters:
            for truth in range(classes):
                row = [diagonal if k == truth else off for k in range(classes)]
                for item, other, answer in rows:
                    if other == rater:
                        row[answer] += chance[item][truth]
                confusion[rater, truth] = [value / sum(row) for value in row]
        for item in items:
            parts = [
                share[truth]
                * math.prod(
                    confusion[rater, truth][answer]
                    for other, rater, answer in rows
                    if other == item
                )
                for truth in range(classes)
            ]
            chance[item] = [part / sum(parts) for part in parts]
    return chance, confusion, share


class TestDawidSkene:
    def test_it_is_what_plain_loops_come_to(self):
        random = np.random.default_rng(3)
        rows = [
            (item, int(rater), int(random.integers(0, 3)) if random.random() < 0.4 else item % 3)
            for item in range(30)
            for rater in random.choice(6, 4, replace=False)
        ]
        item, rater, answer = (np.array(column) for column in zip(*rows, strict=True))
        for classes, off, diagonal in ((3, 0.5, 2.5), (3, 1.0, 1.0)):
            fit = dawid_skene(
                item, rater, answer, raters=6, classes=classes, off=off, diagonal=diagonal,
                most_steps=25, tolerance=0,
            )  # fmt: skip
            chance, confusion, share = looped_dawid_skene(rows, classes, off, diagonal, 25)
            assert fit.iterations == 25
            assert fit.share == pytest.approx(share, abs=1e-10)
            for place, key in enumerate(fit.items):
                assert fit.chance[place] == pytest.approx(chance[key], abs=1e-10)
            for (who, truth), row in confusion.items():
                assert fit.confusion[who, truth] == pytest.approx(row, abs=1e-10)

    def test_without_a_prior_nothing_is_impossible_for_the_fit_itself(self):
        # Two raters who never err and contradict each other once: both ways are as impossible.
        rows = [(k, r, k % 3) for k in range(9) for r in (0, 1)]
        rows += [(9, 0, 0), (9, 1, 1), (9, 2, 2), (10, 2, 2)]
        item, rater, answer = (np.array(column) for column in zip(*rows, strict=True))
        fit = dawid_skene(
            item, rater, answer, raters=3, classes=3, off=0, diagonal=0, most_steps=200,
            tolerance=1e-9,
        )  # fmt: skip
        assert np.isfinite(fit.chance).all()
        assert fit.chance.sum(axis=1) == pytest.approx(1)
        assert fit.chance[:9].argmax(axis=1).tolist() == [0, 1, 2] * 3
        assert math.isfinite(fit.log_likelihood)

    def test_the_likelihood_is_that_of_the_votes(self):
        rows = [("i", "r", "a"), ("i", "s", "b"), ("j", "r", "b"), ("k", "s", "tie")]
        fit = decisive_dawid_skene(votes_of(rows))
        r, s = fit.confusion
        expected = sum(
            math.log(sum(fit.share[z] * math.prod(row[z][y] for row, y in votes) for z in (0, 1)))
            for votes in ([(r, 0), (s, 1)], [(r, 1)])
        )
        assert fit.log_likelihood == pytest.approx(expected, abs=1e-12)

    def test_a_tie_is_no_class_and_items_of_ties_have_no_side(self):
        votes = votes_of([("i", "r", "tie"), ("i", "s", "both_bad"), ("j", "r", "a")])
        fit = decisive_dawid_skene(votes)
        assert fit.items.tolist() == [1]
        chance = chance_of_a(fit, votes)
        assert chance[0] == 0.5
        assert chance[1] == pytest.approx(fit.chance[0, 0])


def looped_posterior(fit, votes, item):
    """The joint model's chance that a is better, from its equations."""
    a, b = votes.item_model_a[item], votes.item_model_b[item]
    la, lb = int(votes.item_length_a[item]), int(votes.item_length_b[item])
    gap = fit.strength[a] - fit.strength[b] + fit.longer_better * (la - lb) / (la + lb)
    chances = [1 / (1 + math.exp(-gap)), 1 / (1 + math.exp(gap))]
    for row in np.flatnonzero(votes.item == item):
        if votes.preference[row] > 1:
            continue
        lean = fit.side * (1 if votes.shown_left[row] == 0 else -1) + fit.length * (la - lb) / (
            la + lb
        )
        for better in (0, 1):
            logit = lean + (1 if better == 0 else -1) * fit.ability[votes.rater[row]]
            says_a = 1 / (1 + math.exp(-logit))
            chances[better] *= says_a if votes.preference[row] == 0 else 1 - says_a
    return chances[0] / sum(chances)


@pytest.fixture(scope="module")
def leaning():
    return planted(raters=60, per_rater=300, seed=5, side=0.4, length=0.8)


class TestJointModel:
    def test_the_posterior_is_that_of_its_equations(self, leaning):
        fit = joint_model(leaning.votes)
        found = item_posterior(fit, leaning.votes).better_a
        for item in range(25):
            expected = looped_posterior(fit, leaning.votes, item)
            assert found[item] == pytest.approx(expected, abs=1e-9)

    def test_leanings_and_raters_are_found_with_their_errors(self, leaning):
        fit = joint_model(leaning.votes)
        assert fit.converged
        assert abs(fit.side - 0.4) < 3 * fit.side_error < 0.2
        assert abs(fit.length - 0.8) < 3 * fit.length_error < 0.4
        inside = np.abs(fit.ability - leaning.ability) < 1.96 * fit.ability_error
        assert inside.mean() > 0.85
        assert np.corrcoef(fit.strength, leaning.strength)[0, 1] > 0.97

    def test_what_longer_texts_are_better_by_is_no_pull(self):
        case = planted(raters=60, per_rater=300, seed=6, longer_better=2.0)
        fit = joint_model(case.votes)
        assert abs(fit.length) < 3 * fit.length_error < 0.4
        assert abs(fit.longer_better - 2) < 3 * fit.longer_better_error < 1
        # Three votes alike stand, but for those of raters who guess.
        counts = case.votes.answer_counts()
        better = item_posterior(fit, case.votes).better_a
        agreeing = np.concatenate([better[counts[:, 0] == 3], 1 - better[counts[:, 2] == 3]])
        assert (agreeing > 0.5).mean() > 0.99

    def test_a_single_vote_is_not_doubted_for_length(self):
        rows = [(f"i{k:03}", f"r{k % 5}", "ab"[k % 2]) for k in range(200)]
        lengths = {item: (900, 300) if said == "a" else (300, 900) for item, _, said in rows}
        votes = votes_of(rows, lengths=lengths)
        answers = aggregate(votes, "bradley_terry").answer
        assert (answers == votes.answer).all()

    def test_no_step_makes_the_likelihood_worse_and_it_stands_still_at_the_end(self, leaning):
        one = joint_model(leaning.votes)
        # A vote turned round can only be less likely.
        turned = leaning.votes.select(np.arange(len(leaning.votes)))
        preference = turned.preference.copy()
        careful = int(np.argmax(one.ability))
        rows = np.flatnonzero((turned.rater == careful) & (preference < 2))
        preference[rows] = 1 - preference[rows]
        preference.flags.writeable = False
        worse = joint_model(
            Votes(
                **{name: getattr(turned, name) for name in Votes.__slots__}
                | {"preference": preference}
            )
        )
        assert worse.log_likelihood < one.log_likelihood
        assert worse.ability[careful] < 0 < one.ability[careful]

    def test_an_items_own_votes_weigh_beside_the_strengths(self):
        rows = [(f"w{k:03}", f"r{k % 9}", "a") for k in range(300)]
        rows += [("x", f"r{k}", "b") for k in range(4)] + [("y", "r1", "tie")]
        votes = votes_of(rows)
        better = item_posterior(joint_model(votes), votes).better_a
        assert better[0] > 0.95  # one vote, with the strengths
        assert better[300] < 0.5  # four votes against them
        assert better[301] > 0.8  # a tie leaves the strengths

    def test_sides_swapped_give_the_mirror_image(self):
        rows = [
            ("i", "r", "a"),
            ("i", "s", "a"),
            ("j", "s", "b"),
            ("k", "r", "tie"),
            ("k", "s", "a"),
        ]
        mirror = {"a": "b", "b": "a", "tie": "tie"}
        turned = [(item, rater, mirror[said]) for item, rater, said in rows]
        models = {item: ("south", "north") for item in "ijk"}
        one, other = votes_of(rows), votes_of(turned, models=models)
        better = item_posterior(joint_model(one), one).better_a
        back = item_posterior(joint_model(other), other).better_a
        assert better == pytest.approx(1 - back, abs=1e-9)

    def test_ties_between_equals_and_where_others_said_so_are_likelier(self):
        rows = []
        for k in range(200):
            close, far = f"c{k:03}", f"f{k:03}"
            rows += [(close, f"r{n}", "tie" if (k + n) % 2 else "ab"[k % 4 // 2]) for n in range(3)]
            rows += [(far, f"r{n}", "tie" if (k + n) % 10 == 0 else "a") for n in range(3)]
        models = {item: ("north", "north2" if item[0] == "c" else "south") for item, _, _ in rows}
        votes = votes_of(rows, models=models)
        fit = joint_model(votes)
        tie = item_posterior(fit, votes).tie
        assert tie[:200].mean() > 2 * tie[200:].mean()
        said = votes.answer_counts()[:, TIE]
        assert tie[:200][said[:200] == 2].min() > tie[:200][said[:200] == 1].max()


class TestFixedPoint:
    def test_a_slow_contraction_is_reached_in_fewer_steps(self):
        def step(x):
            return 1 + 0.95 * (x - 1), -float(((x - 1) ** 2).sum())

        found = fixed_point(step, np.array([9.0, -3.0]), tolerance=1e-6, most_steps=40)
        assert found.converged
        assert found.point == pytest.approx([1, 1], abs=1e-4)
        assert found.iterations < 15

    def test_it_says_when_it_did_not_settle(self):
        found = fixed_point(lambda x: (x + 1, 0.0), np.zeros(1), tolerance=1e-3, most_steps=7)
        assert not found.converged
        assert found.iterations <= 8


class TestRules:
    def test_majority_is_the_most_frequent_answer_and_two_in_first_place_are_a_tie(self):
        votes = votes_of(
            [("1", r, said) for r, said in zip("pqrs", ["a", "a", "tie", "both_bad"], strict=True)]
            + [("2", "p", "a"), ("2", "q", "b"), ("3", "p", "both_bad"), ("4", "p", "b")]
        )
        found = aggregate(votes, "majority")
        assert found.answer.tolist() == [A, TIE, TIE, B]
        assert found.probability.tolist() == [0.75, 0.5, 0.5, 0.0]
        assert found.names_side.tolist() == [True, False, False, True]

    def test_the_first_vote_of_a_rater_counts(self):
        rows = [("i", "r", "a"), ("i", "r", "b"), ("i", "r", "b")]
        assert aggregate(votes_of(rows, repeats=[0, 1, 1]), "majority").answer.tolist() == [A]

    def test_dawid_skene_and_the_joint_model_follow_the_better_rater(self):
        rows = []
        for k in range(60):
            truth = "ab"[k % 2]
            rows += [(f"i{k:02}", r, truth) for r in ("good", "fine")]
            rows.append((f"i{k:02}", "coin", "ab"[k // 2 % 2]))
        rows += [("x", "good", "a"), ("x", "coin", "b"), ("y", "good", "b"), ("y", "coin", "a")]
        votes = votes_of(rows)
        assert aggregate(votes, "majority").answer[60:].tolist() == [TIE, TIE]
        for rule in RULES[1:]:
            assert aggregate(votes, rule).answer[60:].tolist() == [A, B]

    def test_margins_are_towards_a_and_finite(self):
        votes = votes_of([("i", "r", "a"), ("i", "s", "a"), ("j", "r", "b"), ("k", "s", "tie")])
        for rule in RULES:
            margin = aggregate(votes, rule).margin
            assert np.isfinite(margin).all()
            assert margin[0] > 0 > margin[1]
            assert abs(margin[2]) < margin[0]

    def test_soft_keeps_half_of_the_chance_of_a_tie(self):
        votes = planted(raters=12, per_rater=40, seed=1).votes
        learned = learn(votes)
        soft, hard = (aggregate(votes, rule, learned) for rule in ("soft", "bradley_terry"))
        expected = (1 - hard.tie) * hard.probability + hard.tie / 2
        assert soft.probability == pytest.approx(expected, abs=1e-12)
        assert 1 / (1 + np.exp(-soft.margin)) == pytest.approx(expected, abs=1e-9)

    def test_what_was_learnt_elsewhere_answers_other_items(self):
        votes = planted(raters=20, per_rater=60, seed=2).votes
        half = votes.select(votes.item < 200)
        found = aggregate(votes, "bradley_terry", learn(half))
        assert (found.answer != -1).all()

    @pytest.mark.parametrize(
        "rows",
        [
            [],
            [("i", "r", "a")],
            [("i", "r", "tie"), ("i", "s", "tie"), ("j", "r", "both_bad")],
            [("i", "r", "a"), ("i", "s", "b")],
            [(f"i{k}", "r", "a") for k in range(5)],
            [("i", "r", "a")] * 3,
        ],
        ids=["nothing", "one vote", "all ties", "split", "one rater", "duplicates"],
    )
    @pytest.mark.parametrize("model", [("north", "south"), ("north", "north")])
    def test_edges_have_answers_and_finite_numbers(self, rows, model):
        votes = votes_of(rows, models={item: model for item, _, _ in rows})
        learned = learn(votes)
        for rule in RULES:
            found = aggregate(votes, rule, learned)
            assert len(found.answer) == votes.item_count
            for column in (found.probability, found.tie, found.margin, found.certainty):
                assert np.isfinite(column).all()
        assert np.isfinite(learned.joint.ability_error).all()
        assert math.isfinite(learned.joint.log_likelihood)

    def test_votes_for_nobodys_model_are_taken_as_they_are(self):
        votes = votes_of([("i", "r", "a"), ("i", "s", "a"), ("j", "r", "b")])
        bare = Votes.from_columns(
            comparison=[1, 1, 2], rater=[0, 1, 0], preference=[0, 0, 1], model_names={},
            rater_names={0: "r", 1: "s"},
        )  # fmt: skip
        for rule in RULES:
            assert aggregate(bare, rule).answer.tolist() == aggregate(votes, rule).answer.tolist()


class TestPlantedRaters:
    """METRICS targets in short; the long form is bench/aggregation.py."""

    @pytest.mark.parametrize(
        ("raters", "per_rater", "least"), [(400, 30, 0.87), (200, 100, 0.88), (100, 600, 0.89)]
    )
    def test_answers_of_three_votes_are_right_so_often_and_never_less_than_the_majoritys(
        self, raters, per_rater, least
    ):
        shares = {rule: [] for rule in RULES}
        for seed in range(2):
            case = planted(raters=raters, per_rater=per_rater, seed=seed, strengths=0.0)
            learned = learn(case.votes)
            for rule in RULES:
                shares[rule].append(right(aggregate(case.votes, rule, learned), case))
        for rule in ("dawid_skene", "bradley_terry"):
            assert np.mean(shares[rule]) >= least
            pairs = zip(shares[rule], shares["majority"], strict=True)
            assert all(one >= other for one, other in pairs)

    @pytest.mark.parametrize(("per_rater", "least"), [(100, 0.75), (1000, 0.95)])
    def test_skill_is_told_from_votes_alone(self, per_rater, least):
        found = []
        for seed in range(2):
            case = planted(raters=100, per_rater=per_rater, seed=seed, strengths=0.0)
            ability = joint_model(case.votes).ability
            ranks = [np.argsort(np.argsort(one)) for one in (ability, case.ability)]
            found.append(np.corrcoef(*ranks)[0, 1])
        assert min(found) >= least


def test_every_rule_says_its_word_on_all_patterns_of_three_votes():
    rows = [
        (f"{''.join(said)}", f"r{k}", {"a": "a", "b": "b", "t": "tie"}[one])
        for said in product("abt", repeat=3)
        for k, one in enumerate(said)
    ]
    votes = votes_of(rows)
    for rule in RULES:
        found = aggregate(votes, rule)
        assert set(found.answer.tolist()) <= {A, TIE, B}
        unanimous = [found.answer[k] for k in (0, 13)]
        assert unanimous == [A, B]
