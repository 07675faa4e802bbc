"""What a page may measure of a judgment, as bounded values: lengths, counts and times.

Pure. Nothing here can hold a word of anybody's: every value is a number, a yes or no, or one of
the words listed below. docs/BENCH.md says what each is for; raters read it at /rate/recorded/.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

MAX_CHARS = 20_000
MAX_ENTRIES = 20
MAX_MS = 10**9
MAX_COUNT = 10**6

SHOWN_AS = ("instant", "paced", "recorded")
INSTANT_BECAUSE = ("reduced_motion", "not_recorded")
PLACES = ("prompt", "left", "right", "rationale", "edit", "other")

Reader = Callable[[Any], Any]
"""The value if it is one that may be kept, else None."""


def _number(most: float, digits: int | None = None) -> Reader:
    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return round(value, digits) if 0 <= value <= most else None

    return read


def _flag(value: Any) -> Any:
    return value if isinstance(value, bool) else None


def _word(*words: str) -> Reader:
    return lambda value: value if isinstance(value, str) and value in words else None


def _by_side(read: Reader) -> Reader:
    def read_sides(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return None
        kept = {side: read(value.get(side)) for side in ("left", "right")}
        return {side: one for side, one in kept.items() if one is not None} or None

    return read_sides


def _entries(place: str) -> Reader:
    """Readers of lists such as [{"from": "left", "chars": 12}]."""
    where, chars = _word(*PLACES), _number(MAX_COUNT)

    def read(value: Any) -> Any:
        if not isinstance(value, list):
            return None
        kept = [
            {place: where(one.get(place)), "chars": chars(one.get("chars"))}
            for one in value[:MAX_ENTRIES]
            if isinstance(one, Mapping)
        ]
        return [one for one in kept if None not in one.values()] or None

    return read


_MS = _number(MAX_MS)
_COUNT = _number(MAX_COUNT)

MEASURES: dict[str, Reader] = {
    # Where, and how the two texts came.
    "page": _word("bench"),
    "script": _flag,
    "shown_as": _word(*SHOWN_AS),
    "instant_because": _word(*INSTANT_BECAUSE),
    "revealed_early": _flag,
    "shown_share": _by_side(_number(1, 3)),
    "arrival_ms": _MS,
    "arrival_hidden_ms": _MS,
    # Time with the task in front: all of it, and up to what happened first.
    "active_ms": _MS,
    "first_choice_ms": _MS,
    "first_scroll_ms": _by_side(_MS),
    "full_read_ms": _by_side(_MS),
    # Leaving the window and coming back to it.
    "blur_count": _COUNT,
    "return_count": _COUNT,
    "away_ms": _MS,
    "away_longest_ms": _MS,
    # Lengths of what was copied and pasted, and where.
    "copy_count": _COUNT,
    "copies": _entries("from"),
    "paste_count": _COUNT,
    "pastes": _entries("into"),
    # Typing in the rationale, and changes of mind.
    "keystrokes": _COUNT,
    "typed_chars": _COUNT,
    "verdict_changes": _COUNT,
}


def measured(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `values` that are measures and within their bounds; all else is left out."""
    kept = {key: read(values[key]) for key, read in MEASURES.items() if key in values}
    return {key: value for key, value in kept.items() if value is not None}


def read_telemetry(text: str) -> dict[str, Any]:
    """The measures in the JSON text a page sent. A text that cannot be read has none.

    A judgment never fails for what was measured of it, so nothing is raised.
    """
    if len(text) > MAX_CHARS:
        return {}
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return measured(values) if isinstance(values, dict) else {}
