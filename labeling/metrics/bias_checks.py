"""All checks of leanings side by side: effect, chance, what stands of several, what to do."""

from collections.abc import Mapping
from typing import Any, Final

from labeling.metrics import binomial
from labeling.metrics.contrasts import chance_of
from labeling.metrics.estimates import Estimate

# Of what is said to be there, at most this share may be chance.
FALSE_SHARE: Final = 0.05
# An effect of fewer points is sure, perhaps, but small.
NOTABLE: Final = 0.02
# An interval that reaches so many points to either side says little about there being none.
WIDE: Final = 0.05

CHECKS: Final = ("position", "length", "markdown", "maker", "presentation", "fatigue", "swap")
# Words for effects above and below none: what was seen, then what to do.
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "position": (
        "The answer on the left wins more often than the one on the right.",
        "The answer on the right wins more often than the one on the left.",
    ),
    "length": (
        "The longer answer wins more often. It may also be the better one.",
        "The shorter answer wins more often. It may also be the better one.",
    ),
    "markdown": (
        "At equal length the answer with more headings, bold and lists wins more often.",
        "At equal length the answer with fewer headings, bold and lists wins more often.",
    ),
    "maker": (
        "An answer that says which model it is wins more often.",
        "An answer that says which model it is loses more often.",
    ),
    "streaming": (
        "Streaming goes with a stronger pull of the longer answer.",
        "Streaming goes with a weaker pull of the longer answer.",
    ),
    "halving": (
        "The slower texts arrive, the stronger the pull of the longer answer.",
        "The slower texts arrive, the weaker the pull of the longer answer.",
    ),
    "context": (
        "Seeing the whole conversation goes with a stronger pull of the longer answer.",
        "Seeing the whole conversation goes with a weaker pull of the longer answer.",
    ),
    "fatigue": (
        "Known answers are met more often after two hours than in the first.",
        "Known answers are missed more often after two hours than in the first.",
    ),
    "swap": (
        "A pair with its sides swapped is answered alike more often than one asked as before.",
        "Swapping the sides changes more answers than asking again does.",
    ),
    "follows_left": (
        "Whose answer to a swapped pair stays in its place keeps to the left more than the right.",
        "Whose answer to a swapped pair stays in its place keeps to the right more than the left.",
    ),
}
_ADVICE: Final[Mapping[str, str]] = {
    "position": "See who leans to a side below, and pause whoever does not read. Deal the sides by"
    " lot, so that it favours no model.",
    "length": "Quote the style-controlled board. Talk to the raters who lean furthest, and say in"
    " the guidelines what length is worth.",
    "markdown": "Quote the style-controlled board, or say in the guidelines what formatting is"
    " worth.",
    "maker": "Have such answers masked or left out (Settings, Who rates).",
    "presentation": "Show all texts in one way, and say so where a board of mixed arms is quoted.",
    "fatigue": "Set a daily cap, and look at the judgments of long sittings.",
    "swap": "See who leans to a side below; ask more pairs again.",
}
_KEEP_ASKING: Final[Mapping[str, str]] = {
    "presentation": "Keep the arms until the planned sample is there.",
    "fatigue": "Put more known answers into long sittings.",
    "swap": "Ask more pairs again.",
}


def bias_checks(bias: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each check of the report's `bias`: effect in shares, chance, reading, words.

    `stands` by Benjamini and Hochberg over the checks that have a value. `reading` is `absent`,
    `none`, `open` (no sign, but a wide interval), `small` or `watch`.
    """
    rows = [_effect(name, bias[name]) for name in CHECKS]
    weighed = [row for row in rows if row["chance"] is not None]
    stands = binomial.benjamini_hochberg([row["chance"] for row in weighed], FALSE_SHARE)
    for row, flag in zip(weighed, stands, strict=True):
        row["stands"] = flag
    for row in rows:
        row["reading"] = _reading(row)
        row["sentence"] = _sentence(row)
        row["to_do"] = _to_do(row)
    return rows


def _effect(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    of = found.get("contrast", name)
    if name == "swap" and found["value"] is None and found["follows_left"]["value"] is not None:
        found, of = found["follows_left"], "follows_left"
    null = found["no_effect"]
    row: dict[str, Any] = {
        "check": name,
        "of": of,
        "value": None,
        "low": None,
        "high": None,
        "n": found["n"],
        "unit": found.get("unit", ""),
        "interval": found.get("interval", ""),
        "why": found.get("why", ""),
        "chance": None,
        "stands": False,
    }
    if found["value"] is None:
        return row
    limits = {
        key: found[key] - null if found[key] is not None else None
        for key in ("value", "low", "high")
    }
    estimate = Estimate(found["value"], found["low"], found["high"], found["n"], row["unit"])
    return row | limits | {"chance": chance_of(estimate, null)}


def _reading(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "absent"
    if row["stands"]:
        return "watch" if abs(row["value"]) >= NOTABLE else "small"
    if row["low"] is None or (row["high"] - row["low"]) / 2 > WIDE:
        return "open"
    # The interval leaves none out, only not among so many checks.
    return "none" if row["low"] <= 0 <= row["high"] else "open"


def _sentence(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return str(row["why"])
    if row["value"] == 0:
        return "Neither way is chosen more often so far."
    above, below = _WORDS[row["of"]]
    said = above if row["value"] > 0 else below
    if row["reading"] == "open" and row["chance"] is not None and row["chance"] < FALSE_SHARE:
        return f"{said} Among so many checks that may still be chance."
    if row["reading"] == "open":
        return f"{said} The interval is wide and still holds no effect."
    if row["reading"] == "none":
        return f"The {abs(row['value']) * 100:.1f} points seen may well be chance alone."
    return said


def _to_do(row: Mapping[str, Any]) -> str:
    if row["reading"] == "watch":
        return _ADVICE[row["check"]]
    if row["reading"] == "open":
        return _KEEP_ASKING.get(row["check"], "Collect more judgments before you conclude.")
    return "" if row["reading"] == "absent" else "Nothing."
