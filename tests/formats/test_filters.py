"""Which answers raters never see, and why."""

import pytest

from labeling.errors import InvalidInputError
from labeling.formats import filters
from labeling.formats.filters import Answer, findings

CHINESE = "这是一个完全用中文写成的回答没有任何英文单词在里面对吗是的没错"
RUSSIAN = "Это ответ, который целиком написан по-русски, без единого слова иначе."


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Answer("Fine.", "stop"), ()),
        (Answer(" \n", "stop"), ("empty",)),
        (Answer("", "tool_calls", has_calls=True), ()),
        (Answer("Half an", "length"), ("cut",)),
        (Answer("Half an", "MAX_TOKENS"), ("cut",)),
        (Answer("I", "SAFETY"), ("refused",)),
        (Answer("I", "content_filter"), ("refused",)),
        (Answer("I am ChatGPT."), ("names_maker",)),
        (Answer(CHINESE, language="en"), ("wrong_language",)),
        (Answer(CHINESE, language="zh-CN"), ()),
        (Answer(RUSSIAN, language="de"), ("wrong_language",)),
        (Answer(RUSSIAN, language="uk"), ()),
        (
            Answer("An answer in English to a question in Greek, all of it.", language="el"),
            ("wrong_language",),
        ),
        # Nothing is said of short texts, code, mixtures, and languages without an entry.
        (Answer("好的", language="en"), ()),
        (Answer("```\n" + CHINESE + "\n```", language="en"), ()),
        (Answer(f"{CHINESE} and as much in English as there was before it", language="en"), ()),
        (Answer(CHINESE, language="xx"), ()),
        (Answer(CHINESE), ()),
    ],
)
def test_what_is_found(answer, found):
    assert findings(answer) == found


def test_what_is_done_is_what_the_run_says_or_the_default():
    found = findings(Answer("Half", "length"))
    assert filters.dropped_for(found, {}) == ""
    assert filters.marked_for(found, {}) == ["cut"]
    assert filters.dropped_for(found, {"cut": "drop"}) == "cut"
    assert filters.marked_for(found, {"cut": "keep"}) == []
    with pytest.raises(InvalidInputError):
        filters.read_filters({"cut": "lose"})
    with pytest.raises(InvalidInputError):
        filters.read_filters({"dull": "drop"})
    assert filters.read_filters({}) == dict(filters.DEFAULTS)
    assert filters.DEFAULTS.keys() == filters.WORDS.keys()


def test_normalised_texts_differ_in_what_is_read():
    assert filters.normalised("  Two\nwords! ") == filters.normalised("TWO “words”.")
    assert filters.normalised("ﬁne") == filters.normalised("Fine")
    assert filters.normalised("two words") != filters.normalised("two swords")
