"""When an item has enough votes: by hand, and against the binomial sum."""

from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.choosing import evidence_errors
from labeling.metrics.power import labels
from labeling.metrics.stopping import cannot_be_caught, evidence, is_enough, sureness


@pytest.mark.parametrize(
    ("votes", "wanted", "decided"),
    [
        ((2, 0, 0), 3, True),
        ((1, 0, 1), 3, False),
        ((1, 1, 0), 3, False),
        ((0, 2, 0), 3, True),
        # Two against none of five: three more could all go the other way.
        ((2, 0, 0), 5, False),
        ((3, 0, 0), 5, True),
        ((3, 0, 1), 5, True),
        ((2, 0, 1), 5, False),
        # Level is not caught up: two more for b would make it a draw.
        ((2, 0, 0), 4, False),
    ],
)
def test_a_majority_is_decided_when_it_cannot_be_caught(votes, wanted, decided):
    assert cannot_be_caught(*votes, wanted=wanted) is decided


@given(st.integers(1, 7), st.data())
def test_what_is_decided_has_the_same_answer_however_it_goes_on(wanted, data):
    votes = data.draw(st.lists(st.sampled_from("atb"), max_size=wanted))
    counts = [votes.count(answer) for answer in "atb"]
    ends = set()
    for rest in product("atb", repeat=wanted - len(votes)):
        final = [counts[k] + rest.count(answer) for k, answer in enumerate("atb")]
        leaders = tuple(k for k in range(3) if final[k] == max(final))
        ends.add(leaders)
    alone = len(ends) == 1 and len(next(iter(ends))) == 1
    assert cannot_be_caught(*counts, wanted=wanted) is alone


@pytest.mark.parametrize(
    ("votes", "expected"),
    [((0, 0, 0), 1 / 2), ((1, 0, 0), 3 / 4), ((2, 0, 0), 7 / 8), ((3, 0, 0), 15 / 16)],
)
def test_votes_alike_make_it_surer_by_halves(votes, expected):
    assert sureness(*votes) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 50), st.integers(0, 50))
def test_sureness_is_the_binomial_tail(a, b):
    """P(Beta(1 + s, 1 + t) > ½) = P(Bin(s + t + 1, ½) ≤ s), in whole numbers."""
    n, s = a + b + 1, max(a, b)
    exact = Fraction(sum(comb(n, k) for k in range(s + 1)), 2**n)
    assert sureness(a, 0, b) == pytest.approx(float(exact), abs=1e-10)


def test_a_tie_is_half_a_vote_for_each_side():
    """Beta(1.5 + 1, 1.5): against a fine sum over its density."""
    q = (np.arange(400_000) + 0.5) / 400_000
    density = q**1.5 * (1 - q) ** 0.5
    assert sureness(1, 1, 0) == pytest.approx(density[200_000:].sum() / density.sum(), abs=1e-6)
    assert sureness(0, 5, 0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("votes", "enough"),
    [
        ((1, 0, 0), False),
        ((2, 0, 0), True),
        ((2, 0, 1), False),
        ((3, 0, 1), True),
        ((0, 2, 0), False),
        ((2, 0, 3), True),
    ],
)
def test_the_posterior_rule_at_eighty_per_cent_of_at_most_five(votes, enough):
    assert is_enough("posterior", *votes, wanted=5, stop_at=0.8) is enough


def test_the_posterior_rule_needs_two_votes():
    assert not is_enough("posterior", 1, 0, 0, wanted=5, stop_at=0.7)


def test_a_fixed_round_has_enough_when_it_has_all():
    assert not is_enough("fixed", 2, 0, 0, wanted=3, stop_at=None)
    assert is_enough("fixed", 2, 0, 1, wanted=3, stop_at=None)


def simulated(rule: str, wanted: int, stop_at: float | None) -> tuple[float, float]:
    """Mean votes of 4,000 items, and how often their answer is the better side's."""
    rng = np.random.default_rng(3)
    share = rng.beta(4, 4, 4000)
    votes, right = 0, 0.0
    for q in share:
        a = b = 0
        while not is_enough(rule, a, 0, b, wanted=wanted, stop_at=stop_at):
            if rng.random() < q:
                a += 1
            else:
                b += 1
        votes += a + b
        right += 0.5 if a == b else float((a > b) == (q > 0.5))
    return votes / len(share), right / len(share)


def test_curtailing_saves_votes_and_keeps_every_answer():
    mean, right = simulated("curtailed", 5, None)
    full, same = simulated("fixed", 5, None)
    assert full == 5
    assert mean < 4.3
    assert right == pytest.approx(same, abs=0.02)


@pytest.mark.parametrize(("sd", "stop_at"), [(1.0, 0.75), (1.5, 0.8), (2.0, 0.8), (3.0, 0.8)])
def test_the_posterior_rule_is_as_right_as_five_votes_with_three_and_a_half(sd, stop_at):
    """METRICS: at the accuracy of five fixed votes 3.5 an item at most. Exact, no simulation."""
    rule = labels("posterior", sd, 9, stop_at=stop_at)
    assert rule.votes <= 3.5
    assert rule.right >= labels("fixed", sd, 5).right


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        (0, 0, Fraction(1)),
        (1, 0, Fraction(1)),
        (2, 0, Fraction(4, 3)),
        (5, 0, Fraction(32, 6)),
        (3, 3, Fraction(64, 140)),
    ],
)
def test_evidence_is_the_beta_function_over_the_coin(a, b, value):
    """B(1 + a, 1 + b) = a! b!/(a + b + 1)!, in whole numbers."""
    assert evidence(a, b) == pytest.approx(float(value), rel=1e-12)


@given(st.integers(0, 40), st.integers(0, 40))
def test_evidence_is_a_fair_game_where_nobody_prefers_a_side(a, b):
    """The mean over the next vote is what it is now, so that looking often gains nothing."""
    after = (evidence(a + 1, b) + evidence(a, b + 1)) / 2
    assert after == pytest.approx(evidence(a, b), rel=1e-9)


def test_evidence_is_wrong_in_at_most_alpha_of_10_000_runs_looked_at_after_every_vote():
    errors = evidence_errors(10_000, 100)
    for alpha in (0.2, 0.1, 0.05):
        assert 0 < errors[f"error_at_{alpha}"] <= alpha


@pytest.mark.parametrize(
    ("votes", "enough"),
    [
        ((4, 0, 0), False),
        ((5, 0, 0), True),
        ((0, 9, 0), False),
        ((5, 3, 0), True),
        ((5, 0, 1), False),
        ((7, 0, 3), False),
        ((15, 0, 5), True),
    ],
)
def test_the_rule_of_evidence_at_eighty_per_cent_of_at_most_twenty(votes, enough):
    """A tie says nothing; a lead that cannot be caught is no evidence yet."""
    assert is_enough("evalue", *votes, wanted=20, stop_at=0.8) is enough
