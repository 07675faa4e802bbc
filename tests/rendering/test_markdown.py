"""Text becomes HTML that holds nothing but what is listed, and keeps what the author wrote."""

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.rendering.markdown import MAX_CHARS, name_regions, render_markdown
from tests.rendering.inspection import faults
from tests.rendering.payloads import PAYLOADS


def text_of(html: str) -> str:
    parts: list[str] = []
    parser = HTMLParser(convert_charrefs=True)
    parser.handle_data = parts.append  # type: ignore[method-assign, assignment]
    parser.feed(html)
    parser.close()
    return "".join(parts)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(set(PAYLOADS)) >= 150


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hostile_text_brings_nothing_that_is_not_listed(payload: str) -> None:
    assert faults(render_markdown(payload)) == []
    assert faults(render_markdown(f"Before\n\n{payload}\n\nafter *it*")) == []


def test_the_inspection_itself_finds_faults() -> None:
    assert faults("<p onclick=x>a</p>") == ["<p onclick>"]
    assert faults("<script>x</script>")
    assert faults('<a href="javascript:x" rel="noopener noreferrer nofollow">x</a>')
    assert faults("<p>open") == ["<p> left open"]
    assert faults('<p class="dock">x</p>') == ["class dock"]


@given(st.text(alphabet="<>&\"'=/ \n\t`*_[]()!|:-#$\\{}~+0aAonj;x.", max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_brings_nothing_that_is_not_listed(text: str) -> None:
    assert faults(render_markdown(text)) == []


def test_raw_html_is_shown_as_text() -> None:
    assert "&lt;script&gt;" in render_markdown("<script>x</script>")
    assert text_of(render_markdown("<b>bold</b>")).strip() == "<b>bold</b>"


@pytest.mark.parametrize("url", ["http://a.example/x", "https://a.example", "mailto:a@b.example"])
def test_a_link_leads_out_without_saying_where_from(url: str) -> None:
    rel = 'rel="noopener noreferrer nofollow"'
    html = render_markdown(f"[x]({url})")
    assert html == f'<p dir="auto"><a href="{url}" target="_blank" {rel}>x</a></p>\n'


def test_an_image_is_named_and_not_loaded() -> None:
    html = render_markdown('![a "cat" <b>](https://evil.example/pixel.png "t")')
    assert "<img" not in html
    assert "pixel.png" not in html
    assert text_of(html).strip() == '[image at evil.example, not loaded: a "cat" <b>]'


def test_code_is_coloured_by_class_and_can_be_reached_by_keyboard() -> None:
    html = render_markdown('```python\ndef f(): return "<x>"\n```')
    assert 'tabindex="0" role="region" aria-label="Python code"' in html
    assert '<span class="k">def</span>' in html
    assert '<span class="s1">"&lt;x&gt;"</span>' in html
    assert text_of(html) == 'def f(): return "<x>"\n\n'


def test_unknown_languages_are_shown_plain() -> None:
    html = render_markdown("```evil\nx\n```")
    assert 'aria-label="Code"' in html
    assert "<span" not in html


def test_regions_are_numbered_and_take_their_owners_name() -> None:
    html = name_regions(
        render_markdown("```\na\n```\n\n```\nb\n```\n\n|a|\n|-|\n|b|"), "Response A"
    )
    for name in ("Response A, Code", "Response A, Code 2", "Response A, Table"):
        assert f'aria-label="{name}"' in html


def test_the_text_cannot_take_a_name() -> None:
    html = render_markdown('<pre aria-label="x"> and `<div aria-label="x">`')
    assert name_regions(html, "Response A") == html


def test_headings_start_below_the_pages_own_and_leave_no_level_out() -> None:
    html = render_markdown("# a\n### b\n###### c\n## d")
    assert [html[at + 1 : at + 3] for at in range(len(html)) if html.startswith("<h", at)] == [
        "h3",
        "h4",
        "h5",
        "h4",
    ]


def test_tables_scroll_in_their_own_box_and_keep_their_alignment() -> None:
    html = render_markdown("| a | b |\n|---|--:|\n| 1 | 2 |")
    assert '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table' in html
    assert '<th class="num" scope="col">b</th>' in html


def test_the_outermost_blocks_take_the_direction_of_their_text() -> None:
    html = render_markdown("# عنوان\n\nنص\n\n- عنصر\n\n> اقتباس")
    for opening in ('<h3 dir="auto"', '<p dir="auto"', '<ul dir="auto"', '<blockquote dir="auto"'):
        assert opening in html


def test_line_breaks_of_plain_text_are_kept() -> None:
    assert render_markdown("a\nb") == '<p dir="auto">a<br>\nb</p>\n'


def test_money_is_not_a_formula() -> None:
    assert "<math" not in render_markdown("It costs $5 today and $6 tomorrow.")


@pytest.mark.parametrize(
    "source", ["$a^2$", "$$a^2$$", r"\(a^2\)", "\\[\na^2\n\\]", "$$\na^2\n$$", "x $$a^2$$ y"]
)
def test_formulas_are_found_however_models_write_them(source: str) -> None:
    assert "<msup><mi>a</mi><mn>2</mn></msup>" in render_markdown(source)


def test_a_displayed_formula_keeps_lines_that_look_like_lists() -> None:
    html = render_markdown("\\[\na\n- b\n+ c\n\\]")
    assert "<li>" not in html
    assert html.count("<math") == 1


def test_deep_nesting_is_shown_plain_and_nothing_is_lost() -> None:
    source = ">" * 20_000 + "end"
    html = render_markdown(source)
    assert html.startswith('<pre class="plain"')
    assert text_of(html) == source


def test_a_text_beyond_the_limit_is_shown_plain_and_whole() -> None:
    source = "word " * (MAX_CHARS // 5 + 1)
    html = render_markdown(source)
    assert html.startswith('<pre class="plain"')
    assert text_of(html) == source
    assert 'dir="auto"' in html


def test_an_ordinary_long_answer_is_not_shown_plain() -> None:
    paragraph = "The *quick* brown fox `jumps` over **the** lazy dog. " + "It says so. " * 20
    html = render_markdown((paragraph + "\n\n") * 80)
    assert not html.startswith('<pre class="plain"')
    assert html.count("<em>") == 80


def test_the_same_text_comes_out_the_same() -> None:
    for payload in PAYLOADS[::7]:
        assert render_markdown(payload) == render_markdown(payload)
