"""What counts as formatting in a text, and that counting stays linear."""

import time

import pytest

from labeling.rendering.style import Style, style_of, style_of_messages

TEXT = """# Title

Some **bold** words, __more of them__ and `**code**`.

* one
* two
  1. nested
  2) also nested

```python
# a comment, no heading
- x
**y**
```

## Second ##
- - -
- three
+ four
"""


def test_headings_bold_and_lists_are_counted_outside_code():
    assert style_of(TEXT) == Style(headers=2, bold=2, lists=6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain words. 3.5 is a number, 2 * 3 * 4 a product, #tag no heading.",
        "snake__case__name and 2**3**4",
        "---\n***\n* * *",
        "~~~\n# in code\n```\n- still\n",
        "####### seven",
        "**not closed\nover two lines**",
    ],
)
def test_what_is_no_formatting_is_not_counted(text):
    expected = Style(bold=1) if "2**3" in text else Style()
    assert style_of(text) == expected


def test_lines_may_end_as_in_windows_and_bold_may_hold_italics():
    assert style_of("# A\r\n\r\n- x\r\n- y **b *i* b**\r\n") == Style(1, 1, 2)


def test_text_parts_add_up_and_tools_say_no_markdown():
    messages = [
        {"role": "assistant", "content": "# A"},
        {"role": "tool", "content": "# B"},
        {"role": "assistant", "content": [{"type": "text", "text": "- x"}, {"type": "image_url"}]},
        {"role": "assistant", "content": None},
    ]
    assert style_of_messages(messages) == Style(headers=1, lists=1)
    assert style_of_messages([]) == Style()


@pytest.mark.parametrize(
    "piece",
    ["**a", "__a ", "`", "*", "_", "- ", "* ", "\n", "\n ", "\n```", "\n~~~ ", "1.", "#", "\n- - "],
)
def test_hostile_texts_take_no_longer_than_long_ones(piece):
    began = time.perf_counter()
    style_of(piece * 100_000)
    assert time.perf_counter() - began < 2
