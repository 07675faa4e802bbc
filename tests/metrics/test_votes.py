"""Votes as columns: first votes, names, and reading a binary COPY."""

import struct

import numpy as np
import pytest

from labeling.metrics.binary_copy import SIGNATURE, read_integer_columns
from labeling.metrics.votes import Votes
from tests.metrics.building import votes_of


def test_the_first_vote_of_a_rater_on_an_item_counts() -> None:
    votes = votes_of([("i", "ann", "b"), ("i", "bob", "a"), ("i", "ann", "a"), ("j", "ann", "tie")])
    first = votes.first_votes()
    assert first.preference.tolist() == [1, 0, 2]
    assert first.first_votes() is first


def test_a_hidden_repeat_never_stands_for_the_original() -> None:
    votes = votes_of(
        [("i", "ann", "b"), ("i", "ann", "a"), ("j", "ann", "b")], repeats=[True, False, True]
    )
    assert votes.first_votes().preference.tolist() == [0, 1]


def test_both_bad_is_a_tie_and_is_still_told_apart() -> None:
    votes = votes_of([("i", "ann", "both_bad"), ("i", "bob", "tie")])
    assert votes.answer_counts().tolist() == [[0, 2, 0]]
    assert votes.preference_counts().tolist() == [[0, 0, 1, 1]]


def test_scores_run_from_a_much_better_to_b_much_better() -> None:
    rows = [("i", r, p) for r, p in zip("vwxyz", ["a", "a", "tie", "b", "b"], strict=True)]
    votes = votes_of(rows, strengths=[3, 1, 0, 2, -1])
    assert votes.score_counts().tolist() == [[1, 0, 1, 1, 0, 1, 0]]


def test_models_of_one_name_are_one_and_unknown_ones_are_none() -> None:
    votes = Votes.from_columns(
        comparison=[7, 7, 900],
        rater=[5, 6, 5],
        preference=[0, 1, 2],
        model_a=[31, 31, -1],
        model_b=[32, 32, 44],
        model_names={31: "zeta", 32: "alpha", 44: "zeta"},
        rater_names={5: "finch", 6: "wren"},
    )
    assert votes.models == ("alpha", "zeta")
    assert votes.item_model_a.tolist() == [1, -1]
    assert votes.item_model_b.tolist() == [0, 1]
    assert votes.item_keys.tolist() == [7, 900]
    assert votes.raters == ("finch", "wren")


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="preference must lie from 0 to 3"):
        Votes.from_columns(
            comparison=[1], rater=[1], preference=[4], model_names={}, rater_names={1: "finch"}
        )
    with pytest.raises(ValueError, match="as long as item"):
        Votes.from_columns(
            comparison=[1, 2], rater=[1, 1], preference=[0], model_names={}, rater_names={1: "f"}
        )


def copied(rows: list[tuple[int, int]]) -> bytes:
    """What PostgreSQL sends for COPY of an int4 and an int8 column."""
    body = b"".join(struct.pack("!hiiiq", 2, 4, one, 8, two) for one, two in rows)
    return SIGNATURE + struct.pack("!ii", 0, 0) + body + struct.pack("!h", -1)


def test_a_binary_copy_becomes_columns() -> None:
    columns = read_integer_columns(copied([(1, -1), (-7, 2**40)]), {"one": "int4", "two": "int8"})
    assert columns["one"].tolist() == [1, -7]
    assert columns["two"].tolist() == [-1, 2**40]
    assert columns["two"].dtype == np.dtype(np.int64)
    assert read_integer_columns(copied([]), {"one": "int4", "two": "int8"})["one"].size == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"1,2\n", "not a binary COPY"),
        (copied([(1, 2)])[:-2], "the end is missing"),
        (copied([(1, 2)])[:-5] + b"\xff\xff", "the end is missing"),
        (
            SIGNATURE + bytes(8) + struct.pack("!hiqii", 2, 8, 1, 4, 2) + b"\xff\xff",
            "one is not int4",
        ),
    ],
)
def test_bytes_of_another_form_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_integer_columns(data, {"one": "int4", "two": "int8"})
