"""Stylesheet and scripts take no direction and no language for granted."""

import re
from pathlib import Path

import labeling

STATIC = Path(labeling.__file__).parent / "static" / "labeling"
PHYSICAL = re.compile(
    r"(?:(?:padding|margin|border)-(?:left|right)|(?<![\w-])(?:left|right)) *:"
    r"|text-align: (?:left|right)|float: (?:left|right)|span-(?:left|right)"
)
# What shows side A and side B stays where it is in every language; and a text stands at its side.
MEANT = (".switch i {", ".prose > :dir(", ".prose > :is(:dir(")


def rules() -> list[str]:
    css = re.sub(r"/\*.*?\*/", "", (STATIC / "thurstone.css").read_text(), flags=re.DOTALL)
    return [line.strip() for line in css.splitlines() if line.strip()]


def test_the_stylesheet_says_start_and_end():
    found = [line for line in rules() if PHYSICAL.search(line) and not line.startswith(MEANT)]
    assert found == []


def test_the_search_finds_physical_sides():
    assert PHYSICAL.search("a { margin-left: 0 }")
    assert PHYSICAL.search("a { position: absolute; left: 0 }")
    assert not PHYSICAL.search(
        "a { margin-inline-start: 0; inset-inline-end: 0; text-align: start }"
    )


def test_the_pair_and_the_scale_keep_their_sides_from_right_to_left():
    (rule,) = [line for line in rules() if line.startswith('[dir="rtl"] :is(.pair')]
    assert ".scale" in rule and ".switch" in rule and "direction: ltr" in rule


def test_the_stylesheet_says_no_words():
    said = [text for line in rules() for text in re.findall(r'content: "([^"]*)"', line)]
    assert [text for text in said if re.search(r"[A-Za-z]{2,}", text)] == []


def test_scripts_say_no_words_of_their_own():
    """They take them from the page, which speaks the reader's language."""
    spoken = re.compile(
        r"""(?:announce\(|textContent = |innerText = |ariaLabel = |placeholder = |title = )"""
        r"""["'`]([^"'`]*)"""
    )
    found = {
        script.name: said
        for script in sorted(STATIC.glob("*.js"))
        if (
            said := [
                text
                for text in spoken.findall(script.read_text())
                if re.search(r"[a-z]{3}", re.sub(r"\$\{.*?\}", "", text))
            ]
        )
    }
    assert found == {}
