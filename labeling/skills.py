"""How far a rater's skills reach today, and what stands between them and a campaign.

Pure: rows of what is known of a rater in, levels and obstacles out. docs/METRICS.md says why.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from labeling.errors import FieldProblem
from labeling.metrics.estimates import wilson
from labeling.schemas import Requirements

# What was earned fades: after so many days it counts half.
HALF_LIFE_DAYS: Final = 180.0
# What a rater showed by answering, and fades; what somebody else vouches for does not.
EARNED: Final = frozenset({"qualification", "gold"})
# What raters say of themselves satisfies no level; a requirement of 0 asks for no more than that.
DECLARED: Final = "declared"
# Fewer known answers than this say nothing about anybody.
ENOUGH_GOLD: Final = 10
# A level that differs from the one asked for by rounding alone is that level.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Known:
    """One way in which a skill is known: its level on the day it was noted."""

    name: str
    level: float
    source: str
    earned_at: datetime


@dataclass(frozen=True)
class Obstacle:
    """One thing a campaign asks for and the rater lacks."""

    kind: Literal["skill", "language"]
    name: str
    needed: float = 0
    # None: nothing is known of it but what the rater says.
    yours: float | None = None

    @property
    def level_needed(self) -> str:
        """The level asked for, as it is written everywhere."""
        return f"{self.needed:g}"

    @property
    def level_yours(self) -> str:
        """The rater's level, rounded down so that it never seems to be enough; empty for none."""
        if self.yours is None:
            return ""
        return f"{math.floor(self.yours * 100 + _ROUNDING) / 100:g}"

    @property
    def words(self) -> str:
        """A sentence for the rater."""
        if self.kind == "language":
            message = f"It needs the language {self.name}, which is not among yours."
        elif not self.needed:
            message = f"It asks whether you know {self.name}: say so in your profile."
        elif self.yours is None:
            message = f"It needs {self.name} at {self.level_needed}, and you have not shown it yet."
        else:
            message = f"It needs {self.name} at {self.level_needed}; yours is {self.level_yours}."
        return message

    @property
    def problem(self) -> FieldProblem:
        """The same for a program, under the requirement that asks for it."""
        below = f"skills.{self.name}" if self.kind == "skill" else "languages"
        return FieldProblem(f"requirements.{below}", self.words)


def same_name(name: str) -> str:
    """What two names of one skill have in common: neither case nor spaces tell them apart."""
    return " ".join(name.split()).casefold()


def level_on(known: Known, now: datetime) -> float:
    """What one way of knowing is worth on a day: earned ones fade, declared ones are worth 0."""
    if known.source == DECLARED:
        return 0.0
    if known.source not in EARNED:
        return known.level
    days = max((now - known.earned_at).total_seconds() / 86_400, 0)
    # Float ** float is Any to the type checker.
    return float(known.level * 0.5 ** (days / HALF_LIFE_DAYS))


def best_levels(rows: Iterable[Known], now: datetime) -> dict[str, float]:
    """The best level of each skill that somebody else vouches for or the rater has shown."""
    best: dict[str, float] = {}
    for known in rows:
        if known.source != DECLARED:
            key = same_name(known.name)
            best[key] = max(best.get(key, 0.0), level_on(known, now))
    return best


def reads_language(wanted: str, languages: Iterable[str]) -> bool:
    """Whether one who knows `languages` reads `wanted`: en-GB will do for en, not the reverse."""
    tag = language_tag(wanted)
    return any(own == tag or own.startswith(f"{tag}-") for own in map(language_tag, languages))


def language_tag(text: str) -> str:
    """A language's tag in one form: en_GB, EN-gb and en-GB are one."""
    return text.strip().replace("_", "-").lower()


def obstacles(
    requirements: Requirements, rows: Iterable[Known], languages: Iterable[str], now: datetime
) -> tuple[Obstacle, ...]:
    """What the rater lacks of all that is asked: every language, and every skill at its level."""
    rows, spoken = list(rows), list(languages)
    best = best_levels(rows, now)
    said = {same_name(known.name) for known in rows}
    found = [
        Obstacle("language", wanted)
        for wanted in requirements.languages
        if not reads_language(wanted, spoken)
    ]
    for name, needed in requirements.skills.items():
        key = same_name(name)
        is_met = best.get(key, 0.0) >= needed - _ROUNDING if needed else key in said
        if not is_met:
            found.append(Obstacle("skill", name, needed, best.get(key)))
    return tuple(found)


def shown_level(right: int, answered: int) -> float:
    """The level that so many right answers show: the lower end of Wilson's 95 % interval.

    12 of 12 show 0.76, 30 of 30 show 0.89: a level is what one may count on, not what was seen.
    """
    return wilson(right, answered)[0]
