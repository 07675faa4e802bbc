"""Words that differ between two texts, and between a text and its edit."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.rendering.differences import difference_of_edit, edit_html, mark_differences
from labeling.rendering.markdown import render_markdown


def marked(left: str, right: str) -> tuple[str, str]:
    pair = mark_differences([left], [right])
    assert pair is not None
    return pair[0].html[0], pair[1].html[0]


def test_whole_words_are_marked_on_both_sides() -> None:
    left, right = marked("<p>Dear Mr Hale, hello.</p>", "<p>Dear landlord, hello.</p>")
    assert left == "<p>Dear <mark>Mr Hale</mark>, hello.</p>"
    assert right == "<p>Dear <mark>landlord</mark>, hello.</p>"


def test_a_lone_small_word_between_differences_is_no_common_ground() -> None:
    left, right = marked("<p>A red cat, of course. Yes</p>", "<p>A tall man, at home. Yes</p>")
    assert left == "<p>A <mark>red cat, of course</mark>. Yes</p>"
    assert right == "<p>A <mark>tall man, at home</mark>. Yes</p>"


def test_the_phrases_say_what_is_marked() -> None:
    pair = mark_differences(["<p>a <em>new red</em> &amp; old</p>"], ["<p>a old</p>"])
    assert pair is not None
    assert pair[0].phrases == ("new red", "&")
    assert pair[0].count == 3
    assert pair[1].phrases == ()


def test_a_mark_reaches_over_no_tag_and_breaks_no_entity_and_no_formula() -> None:
    left, right = marked(
        render_markdown("One **two three** &lt;four&gt; $a<b$"), render_markdown("One $a>b$")
    )
    assert "<strong><mark>two three</mark></strong>" in left
    assert "<mark>&lt;four&gt; <math" in left
    assert "<mark><math" in right
    assert "</math></mark>" in right


def test_fragments_keep_their_number() -> None:
    pair = mark_differences(["<p>a</p>", "<p>b</p>"], ["<p>a</p>", "<p>c</p>", "<p>d</p>"])
    assert pair is not None
    assert pair[0].html == ("<p>a</p>", "<p><mark>b</mark></p>")
    assert pair[1].html == ("<p>a</p>", "<p><mark>c</mark></p>", "<p><mark>d</mark></p>")


def test_scripts_without_spaces_are_compared_sign_by_sign() -> None:
    left, _ = marked("<p>東京は晴れ</p>", "<p>東京は雨</p>")
    assert left == "<p>東京は<mark>晴れ</mark></p>"


def test_vowel_signs_stay_with_their_word() -> None:
    left, _ = marked("<p>यह हिन्दी है</p>", "<p>यह उर्दू है</p>")
    assert left == "<p>यह <mark>हिन्दी</mark> है</p>"


@given(st.text("ab <&>;\n", max_size=60), st.text("ab <&>;\n", max_size=60))
def test_marks_change_nothing_but_themselves(one: str, other: str) -> None:
    left, right = render_markdown(one), render_markdown(other)
    pair = mark_differences([left], [right])
    assert pair is not None
    for side, html in zip(pair, (left, right), strict=True):
        assert side.html[0].replace("<mark>", "").replace("</mark>", "") == html


@given(st.text("ab \n.", max_size=60), st.text("ab \n.", max_size=60))
def test_an_edit_can_be_told_from_its_changes(original: str, edited: str) -> None:
    changes = difference_of_edit(original, edited).changes
    # White space is that of the edited text: words are compared, not the space between them.
    assert "".join(c.text for c in changes if c.kind != "del") == edited
    kept_and_gone = "".join(c.text for c in changes if c.kind != "ins")
    assert "".join(kept_and_gone.split()) == "".join(original.split())


def test_an_edit_counts_its_words_and_is_safe() -> None:
    difference = difference_of_edit("the <b>cat sat", "the <b>dog sat down")
    assert (difference.inserted, difference.deleted) == (2, 1)
    assert edit_html(difference) == (
        "the &lt;b&gt;<del>cat </del><ins>dog </ins>sat <ins>down</ins>"
    )


def test_long_texts_that_share_nothing_cost_little_and_very_long_ones_are_left_alone() -> None:
    one = " ".join(f"a{n % 97}" for n in range(19_000))
    other = " ".join(f"b{n % 89}" for n in range(19_000))
    began = time.thread_time()
    assert mark_differences([one], [other]) is not None
    assert time.thread_time() - began < 3
    assert mark_differences([f"{one} {one}"], [other]) is None


@pytest.mark.parametrize("text", ["", "<p></p>", " "])
def test_nothing_differs_from_itself(text: str) -> None:
    pair = mark_differences([text], [text])
    assert pair is not None
    assert pair[0].html == (text,)
    assert pair[0].count == 0
