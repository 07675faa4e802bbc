"""What the presentation experiment says so far, in words: its effect, its price, what it needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labeling.metrics.arms import main_contrast
from labeling.metrics.bias_checks import FALSE_SHARE

Row = Mapping[str, Any]
LEADS: Final = {
    "streaming": "Streaming {} the pull of length",
    "halving": "Each halving of the speed {} the pull of length",
    "context": "Seeing the whole conversation {} the pull of length",
}


@dataclass(frozen=True)
class Findings:
    """What the experiment says so far, as the page says it."""

    lead: str
    is_settled: bool
    facts: Sequence[tuple[str, str]]
    progress: tuple[int, int] | None
    notes: Sequence[str]


def findings(tested: Row, *, stands: bool) -> Findings:
    """The experiment's main contrast in words, what it still needs and what it costs.

    `stands` says whether it does so among all checks of the page: one chance is not the page's.
    """
    name = main_contrast(tested["contrasts"])
    one: Row = tested["contrasts"][name]
    dealt = tested["judgment_count"] - tested["not_dealt_count"]
    facts = [("Dealt", _dealt(dealt, tested["not_dealt_count"]))]
    progress = None
    settled = stands
    if one["needed"] is not None:
        facts.append(("Needed", f"{one['needed']:,} votes, for 80 % power at the effect seen"))
        progress = None if settled else (min(one["n"], one["needed"]), one["needed"])
    if one["detectable"] is not None:
        found = f"effects from {one['detectable'] * 100:.1f} points up, with 80 % power"
        facts.append(("So far", f"{one['n']:,} votes, which find {found}"))
    if not settled and one["needed"] is not None:
        facts.append(("At this pace", _pace(one["days_left"])))
    facts.append(("Price", _price(tested["price"])))
    return Findings(_lead(name, one, stands), settled, facts, progress, _notes(tested))


def _lead(name: str, one: Row, stands: bool) -> str:
    if one["value"] is None:
        return str(one["why"])
    does = "takes {:.1f} points off" if one["value"] < 0 else "adds {:.1f} points to"
    lead = LEADS[name].format(does.format(abs(one["value"]) * 100))
    said = f"{lead}, between {points_words(one['low'])} and {points_words(one['high'])}."
    if stands:
        return f"{said} Chance hardly explains it (p {_p(one['chance'])})."
    if one["chance"] < FALSE_SHARE:
        return f"{said} Among so many checks that may still be chance (p {_p(one['chance'])})."
    return f"{said} It points one way, but chance is not ruled out (p {_p(one['chance'])})."


def _dealt(here: int, elsewhere: int) -> str:
    if not elsewhere:
        return "by lot, for each judgment wanted"
    if not here:
        return f"not here: all {elsewhere:,} judgments came in files, so nothing says by lot"
    return f"by lot for {here:,} judgments; {elsewhere:,} came in files"


def _pace(days: int | None) -> str:
    if days is None:
        return "no such vote came in the last seven days"
    if days > 3650:
        return "more than ten years: the effect seen is too small to be told from none here"
    return f"about {days:,} more day{'' if days == 1 else 's'}"


def _price(price: Row) -> str:
    if price["value"] is None:
        return str(price["why"])
    how = "longer" if price["value"] >= 0 else "less"
    low, high = sorted((abs(price["low"]), abs(price["high"])))
    if price["low"] < 0 < price["high"]:
        return (
            f"no sign that streamed judgments take longer ({price['low']:.1f} to"
            f" {price['high']:.1f} s)".replace("-", "−")
        )
    return f"streamed judgments take {abs(price['value']):.1f} s {how} ({low:.1f} to {high:.1f})"


def _notes(tested: Row) -> list[str]:
    notes = []
    if tested["not_honoured_count"]:
        as_dealt = tested["as_dealt"]
        told = ""
        if as_dealt["value"] is not None:
            told = (
                f" Counted as dealt, streaming comes to {points_words(as_dealt['value'])} points."
            )
        notes.append(
            f"{tested['not_honoured_count']:,} judgments were shown otherwise than their arm says"
            f" (reduced motion, no recorded times) and are left out.{told}"
        )
    if tested["unknown_shown_count"]:
        notes.append(
            f"Of {tested['unknown_shown_count']:,} judgments nobody knows how they were shown; they"
            " are taken as dealt."
        )
    notes.append("Decide at the planned sample: the interval is not made for looking every day.")
    return notes


def points_words(share: float, decimals: int = 1) -> str:
    """0.061 as "+6.1", with a proper minus."""
    return f"{share * 100:+.{decimals}f}".replace("-", "−")


def _p(chance: float) -> str:
    return "< 0.001" if chance < 0.001 else f"= {chance:.3f}"
