"""Several answers are one verdict: a winner wins in both orders or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.judging.combining import Answered, answered, as_stored, combine
from labeling.judging.verdicts import Verdict

CALLS = st.builds(
    Answered,
    shown_left=st.sampled_from(["a", "b"]),
    preference=st.sampled_from(["a", "b", "tie", "both_bad"]),
    strength=st.integers(1, 3),
    confidence=st.floats(0.5, 1) | st.none(),
    criteria=st.dictionaries(st.sampled_from(["safe", "kind"]), st.sampled_from(["a", "b", "tie"])),
    rationale=st.sampled_from(["x", "y"]),
)


def said(shown_left, preference, confidence=0.8, strength=2, **criteria):
    return Answered(shown_left, preference, strength, confidence, criteria, f"{preference}!")


def test_one_answer_is_the_verdict_and_says_nothing_of_consistency():
    one = combine([said("b", "a", 0.7, 3, safe="b")])
    assert (one.preference, one.strength, one.is_consistent) == ("a", 3, None)
    assert (one.confidence, one.criteria, one.rationale) == (0.7, {"safe": "b"}, "a!")


def test_both_orders_agree():
    one = combine([said("a", "b", 0.9, 3), said("b", "b", 0.7, 1)])
    assert (one.preference, one.strength, one.is_consistent) == ("b", 1, True)
    assert one.confidence == pytest.approx(0.8)
    assert one.rationale == "[A on the left] b!"


@pytest.mark.parametrize("other", ["b", "tie", "both_bad"])
def test_orders_that_differ_are_a_tie_and_marked(other):
    one = combine([said("a", "a", 1.0), said("b", other, 0.5)])
    assert (one.preference, one.strength, one.is_consistent) == ("tie", 0, False)
    assert one.confidence == 0.5
    assert one.rationale == f"[A on the left] a!\n\n[B on the left] {other}!"


def test_two_orders_without_a_winner_agree():
    assert combine([said("a", "both_bad"), said("b", "both_bad")]).preference == "both_bad"
    mixed = combine([said("a", "both_bad", 0.9), said("b", "tie", 0.7)])
    assert (mixed.preference, mixed.is_consistent) == ("tie", True)
    assert mixed.confidence == pytest.approx(0.8)


def test_each_order_has_one_voice_however_often_it_was_asked():
    often = [said("a", "a")] * 5
    assert combine([*often, said("b", "b")]).is_consistent is False
    most = combine([said("a", "a"), said("a", "a"), said("a", "b"), said("b", "a")])
    assert (most.preference, most.is_consistent) == ("a", True)
    assert most.confidence == pytest.approx((0.8 * 3 + 0.2) / 4)


def test_equally_many_are_weighed_by_their_confidence():
    assert combine([said("a", "a", 0.9), said("a", "b", 0.6)]).preference == "a"
    even = combine([said("a", "a", 0.9), said("a", "b", 0.9)])
    assert (even.preference, even.is_consistent, even.strength) == ("tie", None, 0)


def test_criteria_go_by_the_same_rule():
    one = combine([said("a", "a", safe="a", kind="a"), said("b", "a", safe="b", kind="a")])
    assert one.criteria == {"kind": "a", "safe": "tie"}


def test_sides_are_turned_to_the_comparisons_own():
    assert [as_stored(side, "b") for side in ("left", "right", "tie")] == ["b", "a", "tie"]
    verdict = Verdict("left", 2, 0.9, "because", {"safe": "right"})
    assert answered(verdict, "b") == Answered("b", "b", 2, 0.9, {"safe": "a"}, "because")


@given(st.lists(CALLS, min_size=1, max_size=8), st.randoms())
def test_what_they_come_to_does_not_depend_on_their_order(calls, random):
    one = combine(calls)
    mixed = list(calls)
    random.shuffle(mixed)
    other = combine(mixed)
    assert (one.preference, one.strength, one.is_consistent, one.criteria) == (
        other.preference,
        other.strength,
        other.is_consistent,
        other.criteria,
    )
    assert one.confidence == pytest.approx(other.confidence)
    assert 0.5 <= one.confidence <= 1


@given(st.lists(CALLS, min_size=1, max_size=8))
def test_turning_the_comparison_round_turns_the_verdict(calls):
    turn = {"a": "b", "b": "a"}
    turned = [
        Answered(
            turn[one.shown_left],
            turn.get(one.preference, one.preference),
            one.strength,
            one.confidence,
            {key: turn.get(value, value) for key, value in one.criteria.items()},
            one.rationale,
        )
        for one in calls
    ]
    one, other = combine(calls), combine(turned)
    assert other.preference == turn.get(one.preference, one.preference)
    assert (other.strength, other.is_consistent) == (one.strength, one.is_consistent)


@given(st.lists(CALLS, min_size=2, max_size=8))
def test_a_winner_has_won_in_every_order(calls):
    one = combine(calls)
    if one.preference in ("a", "b"):
        for side in {call.shown_left for call in calls}:
            alone = combine([call for call in calls if call.shown_left == side])
            assert alone.preference == one.preference
    if one.is_consistent is False:
        assert (one.preference, one.strength) == ("tie", 0)


def test_nothing_is_no_verdict():
    with pytest.raises(ValueError, match="nothing"):
        combine([])
