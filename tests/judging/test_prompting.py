"""What a judge is told: all that the campaign asks, and the comparison behind a fence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.clauses import WorkedExample
from labeling.judging.prompting import Question, answer_schema, new_mark, user_message
from labeling.schemas import read_schema

SCHEMA = read_schema(
    {"scale": 7, "criteria": [{"key": "safe", "label": "Safety", "help": "Does it harm?"}]}
)
EXAMPLE = WorkedExample("T1", "Is it true?", "Yes.", "No.", "b", "It is not.", 3)
QUESTION = Question(
    schema=SCHEMA,
    guidelines="## T1 Truth\n\nPrefer what is true.",
    examples=(EXAMPLE,),
    rubric="Mind the tone.",
    persona={"age": "60 and over"},
    model="cedar",
    sampling={"temperature": 0},
)


def test_the_question_has_all_that_raters_are_asked():
    told = QUESTION.system
    for words in (
        *("## T1 Truth", "Prefer what is true.", "Mind the tone.", "age: 60 and over"),
        *("Is it true?", "right is much better", "It is not.", "safe: Safety. Does it harm"),
        *("tie (equally good)", "both_bad (neither is acceptable)", "3 much better"),
    ):
        assert words in told
    assert "cedar" not in told


def test_what_the_campaign_does_not_ask_is_not_offered():
    plain = Question(schema=read_schema({"scale": 4, "tie": False, "both_bad": False}))
    for word in ("tie (", "both_bad", "3 much", "# Guidelines", "# Rubric", "judge as", "criteria"):
        assert word not in plain.system


def test_the_schema_of_a_verdict_asks_reasons_before_the_choice():
    schema = answer_schema(SCHEMA)
    names = list(schema["properties"])
    assert names.index("rationale") < names.index("criteria") < names.index("preference")
    assert schema["required"] == names
    assert schema["additionalProperties"] is False
    assert schema["properties"]["strength"]["enum"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"guidelines": "## T1 Truth\n\nPrefer what is kind."},
        {"examples": ()},
        {"rubric": ""},
        {"persona": {"age": "under 30"}},
        {"model": "cedar-2"},
        {"sampling": {"temperature": 1}},
        {"both_orders": False},
        {"samples": 3},
        {"schema": read_schema({"scale": 7})},
    ],
)
def test_another_question_has_another_key(change):
    assert Question(**(vars(QUESTION) | change)).key != QUESTION.key


def test_the_key_is_of_the_question_alone():
    assert Question(**vars(QUESTION)).key == QUESTION.key
    assert len(QUESTION.key) == 32


def test_tools_and_images_are_shown_as_what_they_are():
    image = {"type": "image_url", "image_url": {"url": f"image:sha256-{'ab' * 32}"}}
    elsewhere = {"type": "image_url", "image_url": {"url": "https://tracker.example/x"}}
    call = {"id": "1", "function": {"name": "search", "arguments": "{}"}}
    mark = new_mark()
    message = user_message(
        mark,
        [{"role": "user", "content": [{"type": "text", "text": "Look:"}, image, elsewhere]}],
        [{"role": "assistant", "content": None, "tool_calls": [call]}],
        [{"role": "assistant", "content": "A boat."}],
    )
    assert image in message["content"]
    said = "".join(part.get("text", "") for part in message["content"])
    assert "tracker.example" not in said
    assert '"name": "search"' in said
    assert "image that cannot be shown" in said


@given(st.tuples(*[st.text(max_size=60)] * 3))
def test_whatever_is_shown_stays_between_its_fences(texts):
    mark = new_mark(*texts)
    prompt, left, right = ([{"role": "user", "content": text}] for text in texts)
    asked = user_message(mark, prompt, left, right)["content"]
    for name, text in zip(("conversation", "left", "right"), texts, strict=True):
        assert asked.count(f"<<<{mark} begin {name}>>>") == 1
        assert asked.count(f"<<<{mark} end {name}>>>") == 1
        after = asked.partition(f"<<<{mark} begin {name}>>>")[2]
        inside = after.partition(f"<<<{mark} end {name}>>>")[0]
        assert inside == f"\n<<<{mark} user>>>\n{text}\n"


def test_a_mark_is_new_each_time():
    assert len({new_mark() for _ in range(100)}) == 100
