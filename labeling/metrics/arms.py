"""The presentation experiment: does the pull of length change with how the answers are shown?

For each arm the share of decisive votes for the longer answer, and between arms what streaming,
its speed, and seeing the whole conversation do to it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from labeling.metrics.bias import LENGTH_MARGIN
from labeling.metrics.contrasts import Contrast, clustered_contrast
from labeling.metrics.estimates import Estimate, clustered_proportion
from labeling.metrics.votes import UNKNOWN, A, B, Bools, Floats, Ints, Votes

MODES: Final = ("instant", "paced", "recorded")
_ORDER: Final = {"instant": 0, "recorded": 1, "paced": 2, "": 3}
FULL, LAST_TURN = "full", "last_turn"
DAY: Final = 24 * 3600
# The pace is that of the last days with votes.
PACE_DAYS: Final = 7
# Times beyond this share of all are taken for this one: a telephone rang.
_SLOWEST: Final = 0.99
_UNIT: Final = "decisive votes"
_NO_ARMS: Final = "No judgment was made in a presentation arm."
_ONE_ARM: Final = "All judgments were made in one presentation arm: there is nothing to compare."
_NOT_KNOWN: Final = "The campaign's settings name no two of the arms that judgments were made in."
_NO_VOTES: Final = f"No vote in it chose a side of a pair over {LENGTH_MARGIN} characters apart."
_NO_STREAM: Final = "No two arms differ in streaming alone."
_NO_SPEEDS: Final = "No two arms differ in their speed alone."
_NO_CONTEXTS: Final = "No two arms differ in how much of the conversation is shown alone."
_NO_TIMES: Final = "How long judgments took is not known in two arms that differ in streaming."


@dataclass(frozen=True, slots=True)
class ArmFacts:
    """An arm as the campaign's settings have it; `mode` is empty for one they do not name."""

    name: str
    mode: str = ""
    tokens_per_second: float | None = None
    context: str = FULL


@dataclass(frozen=True, eq=False, slots=True)
class Shown:
    """How each vote's texts were shown, in the order of the votes.

    `arm` numbers `arms`, `shown_as` numbers MODES, both -1 where nobody knows. `is_dealt` says
    whether the arm was dealt here by lot; a vote that came in a file was not.
    """

    arms: Sequence[ArmFacts]
    arm: Ints
    shown_as: Ints
    is_dealt: Bools
    judged_at: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def experiment(votes: Votes, shown: Shown, *, now: int) -> dict[str, Any]:
    """The experiment's arms, contrasts and what is still missing, JSON-ready.

    `votes` are those that count between raters. Votes known to have been shown otherwise than
    their arm says are counted apart; `as_dealt` leaves them where they were dealt.
    """
    in_arm = shown.arm != UNKNOWN
    a, b = votes.item_length_a[votes.item], votes.item_length_b[votes.item]
    differs = votes.is_decisive & (a >= 0) & (b >= 0) & (np.abs(a - b) > LENGTH_MARGIN)
    longer = (np.where(a > b, A, B) == votes.preference).astype(np.float64)
    mode = np.array([_mode(one) for one in shown.arms] + [UNKNOWN], dtype=np.int64)[shown.arm]
    honoured = (mode == UNKNOWN) | (shown.shown_as == UNKNOWN) | (shown.shown_as == mode)
    counted = in_arm & differs & honoured
    # At once first, then from fast to slow.
    order = sorted(
        range(len(shown.arms)),
        key=lambda k: (
            *(_ORDER[shown.arms[k].mode], shown.arms[k].context != FULL),
            *(-(shown.arms[k].tokens_per_second or 0), shown.arms[k].name),
        ),
    )
    body: dict[str, Any] = {
        "arms": [
            _arm(
                shown.arms[k],
                votes.select(shown.arm == k),
                honoured[shown.arm == k],
                counted[shown.arm == k],
                longer[shown.arm == k],
            )
            for k in order
        ],
        "why": _why(shown, in_arm),
        "judgment_count": int(in_arm.sum()),
        "decisive_count": int(counted.sum()),
        "not_honoured_count": int((in_arm & ~honoured).sum()),
        "unknown_shown_count": int((in_arm & (shown.shown_as == UNKNOWN)).sum()),
        "not_dealt_count": int((in_arm & ~shown.is_dealt).sum()),
    }
    found = _contrasts(votes, shown, counted, longer)
    as_dealt = found["streaming"]
    if not honoured.all():
        as_dealt = _contrasts(votes, shown, in_arm & differs, longer)["streaming"]
    pace = _pace(shown.judged_at[counted], now) if len(shown.judged_at) else None
    body["contrasts"] = {
        name: one.as_json()
        | {
            "no_effect": 0,
            "days_left": _days_left(one, _share_of(pace, one.estimate.n, int(counted.sum()))),
        }
        for name, one in found.items()
    }
    body["as_dealt"] = as_dealt.as_json()
    body["price"] = _price(votes, shown, in_arm & honoured).as_json()
    body["pace_per_day"] = pace
    return body


def main_contrast(contrasts: dict[str, dict[str, Any]]) -> str:
    """Which contrast answers for the experiment: streaming, or the first that can be had."""
    names = ("streaming", "halving", "context")
    return next((name for name in names if contrasts[name]["value"] is not None), names[0])


def _share_of(pace: float | None, votes: int, counted: int) -> float | None:
    """How fast votes come that a contrast counts: some arms have no part in it."""
    return None if pace is None else pace * votes / max(counted, 1)


def _mode(arm: ArmFacts) -> int:
    return MODES.index(arm.mode) if arm.mode in MODES else UNKNOWN


def _why(shown: Shown, in_arm: Bools) -> str:
    used = set(np.unique(shown.arm[in_arm]).tolist())
    if not used:
        return _NO_ARMS
    if len(used) == 1:
        return _ONE_ARM
    return "" if sum(bool(shown.arms[k].mode) for k in used) > 1 else _NOT_KNOWN


def _arm(
    arm: ArmFacts, votes: Votes, honoured: Bools, counted: Bools, longer: Floats
) -> dict[str, Any]:
    """An arm and its own votes: those shown as it says, and those of them that count."""
    times = votes.active_ms[honoured & (votes.active_ms >= 0)]
    share = clustered_proportion(votes.item[counted], longer[counted], unit=_UNIT, why=_NO_VOTES)
    return {
        "name": arm.name,
        "mode": arm.mode,
        "tokens_per_second": arm.tokens_per_second,
        "context": arm.context if arm.mode else None,
        "judgment_count": len(votes),
        "not_honoured_count": int((~honoured).sum()),
        "longer": share.as_json() | {"no_effect": 0.5},
        "median_active_ms": float(np.median(times)) if len(times) else None,
    }


def _contrasts(votes: Votes, shown: Shown, rows: Bools, longer: Floats) -> dict[str, Contrast]:
    """What each way of showing does, within what else the arms differ in."""
    facts = [*shown.arms, ArmFacts("")]
    arm = shown.arm
    known = rows & np.array([bool(one.mode) for one in facts])[arm]
    context = np.array([int(one.context == LAST_TURN) for one in facts])[arm]
    streams = np.array([float(one.mode in ("paced", "recorded")) for one in facts])[arm]
    speed = np.array(
        [one.tokens_per_second if one.mode == "paced" else None for one in facts], dtype=np.float64
    )[arm]
    way = _ways(facts)[arm]
    paced = known & np.isfinite(speed)

    def contrast(of: Bools, treatment: Floats, stratum: Ints, why: str) -> Contrast:
        return clustered_contrast(
            longer[of], treatment[of], stratum[of], votes.item[of], unit=_UNIT, why=why
        )

    return {
        "streaming": contrast(known, streams, context, _NO_STREAM),
        "halving": contrast(paced, -np.log2(np.where(paced, speed, 1.0)), context, _NO_SPEEDS),
        "context": contrast(known, 1.0 - context, way, _NO_CONTEXTS),
    }


def _ways(facts: Sequence[ArmFacts]) -> Ints:
    """A number for each mode and speed, whatever the context."""
    ways = [(one.mode, one.tokens_per_second) for one in facts]
    numbers = {way: number for number, way in enumerate(dict.fromkeys(ways))}
    return np.array([numbers[way] for way in ways], dtype=np.int64)


def _price(votes: Votes, shown: Shown, rows: Bools) -> Estimate:
    """Seconds that a streamed judgment takes longer than an instant one, on the average."""
    facts = [*shown.arms, ArmFacts("")]
    context = np.array([int(one.context == LAST_TURN) for one in facts])[shown.arm]
    streams = np.array([float(one.mode in ("paced", "recorded")) for one in facts])[shown.arm]
    rows = rows & (votes.active_ms >= 0) & np.array([bool(one.mode) for one in facts])[shown.arm]
    seconds = votes.active_ms[rows] / 1000
    if len(seconds):
        seconds = np.minimum(seconds, np.quantile(seconds, _SLOWEST))
    return clustered_contrast(
        seconds, streams[rows], context[rows], votes.item[rows], unit="judgments", why=_NO_TIMES
    ).estimate


def _pace(moments: Ints, now: int) -> float | None:
    """Votes a day over the last days; None where the votes have no time or nothing comes."""
    recent = moments[(moments >= 0) & (moments > now - PACE_DAYS * DAY)]
    if not len(recent):
        return None
    began = int(moments[moments >= 0].min())
    days = min(PACE_DAYS, max((now - began) / DAY, 1 / 24))
    return float(len(recent) / days)


def _days_left(contrast: Contrast, pace: float | None) -> int | None:
    if contrast.needed is None or not pace:
        return None
    return max(math.ceil((contrast.needed - contrast.estimate.n) / pace), 0)
