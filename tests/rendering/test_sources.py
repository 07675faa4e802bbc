"""Sources are a numbered list with quotes; nothing of them is fetched."""

from typing import Any

import pytest

from labeling.rendering.messages import render_messages
from labeling.rendering.sources import MAX_SHOWN, sources_part
from tests.rendering.inspection import faults
from tests.rendering.payloads import PAYLOADS

ONE = {"title": "The *moon*", "url": "https://example.org/moon?a=1&b=2", "text": "It is <far>."}


def test_an_answer_is_followed_by_its_sources_with_title_host_and_quote() -> None:
    content = [{"type": "text", "text": "Far away [1]."}, {"type": "sources", "sources": [ONE]}]
    html = render_messages([{"role": "assistant", "content": content}]).turns[0].html
    assert html.index("Far away [1].") < html.index("<ol>")
    assert "<bdi>The *moon*</bdi></a>" in html
    assert 'href="https://example.org/moon?a=1&amp;b=2"' in html
    assert "example.org</span>" in html
    assert "It is &lt;far&gt;.</blockquote>" in html
    assert faults(html) == []


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//x.example", "", 7])
def test_only_the_web_is_linked(url: Any) -> None:
    html = sources_part({"sources": [{"title": "T", "url": url}]})
    assert "<a" not in html
    assert "T" in html


@pytest.mark.parametrize("listed", [None, 7, "x", [], [7], [None], {}])
def test_sources_of_any_shape_are_shown_somehow(listed: Any) -> None:
    assert "(no sources)" in sources_part({"sources": listed})


def test_a_long_list_says_how_many_more() -> None:
    html = sources_part({"sources": [ONE] * (MAX_SHOWN + 3)})
    assert html.count("<li>") == MAX_SHOWN
    assert "and 3 more" in html


@pytest.mark.parametrize("payload", PAYLOADS[2::3])
def test_hostile_sources_bring_nothing_that_is_not_listed(payload: str) -> None:
    html = sources_part({"sources": [{"title": payload, "url": payload, "text": payload}]})
    assert faults(html) == []
