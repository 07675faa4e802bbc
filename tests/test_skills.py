"""What a skill is worth today, and what a campaign finds missing, in words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.schemas import read_requirements
from labeling.skills import (
    HALF_LIFE_DAYS,
    Known,
    best_levels,
    level_on,
    obstacles,
    reads_language,
    shown_level,
)

NOW = datetime(2026, 5, 26, 12, tzinfo=UTC)


def known(level: float, source: str, *, days: float = 0, name: str = "Python") -> Known:
    return Known(name, level, source, NOW - timedelta(days=days))


def missing(asked, rows=(), languages=()):
    return [one.words for one in obstacles(read_requirements(asked), rows, languages, NOW)]


@pytest.mark.parametrize("source", ["qualification", "gold"])
def test_what_was_earned_halves_in_a_half_life(source):
    assert level_on(known(0.8, source, days=HALF_LIFE_DAYS), NOW) == pytest.approx(0.4)
    assert level_on(known(0.8, source, days=2 * HALF_LIFE_DAYS), NOW) == pytest.approx(0.2)


@pytest.mark.parametrize("source", ["granted", "imported"])
def test_what_somebody_vouches_for_stays(source):
    assert level_on(known(0.8, source, days=3650), NOW) == 0.8


def test_an_hour_ahead_of_the_clock_adds_nothing():
    assert level_on(known(0.8, "gold", days=-1), NOW) == 0.8


def test_the_best_way_of_knowing_counts_whatever_the_spelling():
    rows = [
        known(0.9, "gold", days=360),
        known(0.5, "granted", name=" python "),
        known(1, "declared"),
    ]
    assert best_levels(rows, NOW) == {"python": 0.5}


@given(st.floats(0, 1), st.floats(0, 4000), st.floats(0, 4000))
def test_no_level_ever_rises_by_waiting(level, sooner, later):
    early, late = sorted((sooner, later))
    assert level_on(known(level, "gold", days=late), NOW) <= level_on(
        known(level, "gold", days=early), NOW
    )


def test_a_level_that_is_reached_is_no_obstacle():
    asked = {"skills": {"Python": 0.8}}
    assert missing(asked, [known(0.8, "granted")]) == []
    assert missing(asked, [known(0.79, "granted")]) == ["It needs Python at 0.8; yours is 0.79."]


def test_it_never_seems_to_be_enough():
    (said,) = missing({"skills": {"Python": 0.8}}, [known(0.7999, "granted")])
    assert said == "It needs Python at 0.8; yours is 0.79."


def test_what_one_says_of_oneself_reaches_no_level():
    said = missing({"skills": {"Python": 0.1}}, [known(1, "declared")])
    assert said == ["It needs Python at 0.1, and you have not shown it yet."]
    assert missing({"skills": {"Python": 0.1}}) == said


def test_a_requirement_of_nothing_is_met_by_saying_so():
    asked = {"skills": {"Python": 0}}
    assert missing(asked) == ["It asks whether you know Python: say so in your profile."]
    assert missing(asked, [known(1, "declared")]) == []
    # What was once earned and has faded is known all the same.
    assert missing(asked, [known(0.5, "gold", days=5000)]) == []


def test_every_language_is_asked_for():
    asked = {"languages": ["en", "nb-NO"]}
    assert missing(asked, languages=["EN_gb", "nb-no"]) == []
    assert missing(asked, languages=["en", "nb"]) == [
        "It needs the language nb-NO, which is not among yours."
    ]


@pytest.mark.parametrize(
    ("wanted", "own", "reads"),
    [
        ("en", "en-GB", True),
        ("en-GB", "en", False),
        ("en", "eng", False),
        ("EN", "en", True),
        ("zh-Hant", "zh_hant-TW", True),
    ],
)
def test_a_language_is_met_by_its_kinds(wanted, own, reads):
    assert reads_language(wanted, [own]) is reads


def test_a_level_is_what_one_may_count_on():
    # Wilson's lower limit for n of n is n / (n + z²).
    assert shown_level(12, 12) == pytest.approx(12 / (12 + 3.8414588))
    assert shown_level(30, 30) == pytest.approx(30 / (30 + 3.8414588))
    assert shown_level(0, 12) == 0


def test_a_problem_names_the_requirement():
    found = obstacles(
        read_requirements({"skills": {"Maths": 0.5}, "languages": ["fr"]}), [], [], NOW
    )
    assert [one.problem.field for one in found] == [
        "requirements.languages",
        "requirements.skills.Maths",
    ]
