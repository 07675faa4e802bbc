"""An answer against what the campaign asks: what is missing is said, with what to do."""

from typing import Any

import pytest

from labeling.errors import InvalidInputError
from labeling.schemas import Shown, read_answer, read_schema

SCHEMA = read_schema(
    {"absolute_quality": True, "steps": True, "clauses": True, "edit_winner": True}
)
SHOWN = Shown(
    step_counts={"left": 3, "right": 0},
    clauses=frozenset({"T1", "H2"}),
    texts={"left": "One.\r\nTwo.", "right": "Three."},
)
WHOLE: dict[str, Any] = {
    "side": "left",
    "strength": 2,
    "quality": {"left": 6, "right": 2},
    "steps": {"left": ["ok", "unsure", "ok"]},
    "clauses": ["T1"],
    "edited": {"side": "left", "text": "One. Two, better."},
}


def problem(**changes: Any) -> tuple[str, str]:
    with pytest.raises(InvalidInputError) as refused:
        read_answer(WHOLE | changes, SCHEMA, SHOWN)
    first = refused.value.problems[0]
    return first.field, first.message


def test_a_whole_answer_is_taken() -> None:
    answer = read_answer(WHOLE, SCHEMA, SHOWN)
    assert answer.quality == {"left": 6, "right": 2}
    assert answer.edited is not None


def test_steps_after_a_wrong_one_may_be_left_open_or_marked() -> None:
    for marks in (["ok", "wrong"], ["wrong"], ["wrong", None, "ok"]):
        assert read_answer(WHOLE | {"steps": {"left": marks}}, SCHEMA, SHOWN).steps


def test_a_clients_own_list_of_steps_is_kept_as_it_is() -> None:
    assert read_answer(WHOLE | {"steps": [{"n": 1}]}, SCHEMA, SHOWN).steps == [{"n": 1}]


def test_an_edit_that_changes_nothing_is_no_edit() -> None:
    changes = {"edited": {"side": "left", "text": "One.\nTwo.\n"}}
    assert read_answer(WHOLE | changes, SCHEMA, SHOWN).edited is None


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"quality": {}}, "quality.left", "how good A is by itself, from 1 (poor) to 7"),
        ({"quality": {"left": 1}}, "quality.right", "how good B is"),
        ({"quality": {"left": 8, "right": 1}}, "answer.quality[...]", "<= 7"),
        ({"steps": {}}, "steps.left.1", "Response A, step 1: say whether"),
        ({"steps": []}, "steps", "Mark the steps"),
        ({"steps": {"left": ["ok", None, "wrong"]}}, "steps.left.2", "step 2"),
        ({"steps": {"left": ["ok", "ok"]}}, "steps.left.3", "step 3"),
        ({"steps": {"left": ["ok"] * 4}}, "steps.left", "has 3 steps, and 4 are marked"),
        ({"steps": {"left": WHOLE["steps"]["left"], "right": ["ok"]}}, "steps.right", "0 steps"),
        ({"steps": {"left": ["ok"] * 201}}, "answer.steps[...]", "<= 200"),
        ({"clauses": ["T1", "Z9"]}, "clauses", "no clause Z9. They have H2, T1."),
        ({"side": "right"}, "edited", "You edited A, but B is better"),
        ({"side": "tie", "strength": 0}, "edited", "neither is better"),
        ({"edited": {"side": "left", "text": "  "}}, "edited", "empty"),
        ({"edited": {"side": "left", "text": "a\x00b"}}, "edited", "NUL"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_said(
    changes: dict[str, Any], field: str, said: str
) -> None:
    assert problem(**changes)[0] == field
    assert said in problem(**changes)[1]


def test_nothing_is_compared_with_guidelines_that_nobody_published() -> None:
    shown = Shown(step_counts={"left": 3, "right": 0}, texts=SHOWN.texts)
    assert read_answer(WHOLE | {"clauses": ["Z9"]}, SCHEMA, shown).clauses == ("Z9",)
