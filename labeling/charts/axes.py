"""Scales: where a value stands in its box, and at which values to draw a line and a label."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Axis:
    """From the value at one end to the value at the other, with labelled ticks."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...] = ()

    def place(self, value: float) -> float:
        """Per cent of the way from low to high; outside values stop at the ends."""
        if self.high <= self.low:
            return 50.0
        return min(max((value - self.low) / (self.high - self.low) * 100, 0.0), 100.0)


def count_axis(most: float) -> Axis:
    """From zero to a round number above `most`, in three to six steps."""
    step = round_step(max(most, 1) / 4, is_whole=True)
    top = math.ceil(max(most, 1) / step) * step
    ticks = [k * step for k in range(round(top / step) + 1)]
    return Axis(0, top, tuple((tick, short_count(tick)) for tick in ticks))


def value_axis(values: Iterable[float], *, least: float = -1.0, most: float = 1.0) -> Axis:
    """Around the values, within their possible range, on round steps."""
    known = list(values) or [0.0, 1.0]
    low, high = min(known), max(known)
    step = round_step(max(high - low, 0.05) / 4)
    low = max(math.floor(low / step + 1e-9) * step, least)
    high = min(math.ceil(high / step - 1e-9) * step, most)
    if high - low < step / 2:
        low, high = max(low - step, least), min(high + step, most)
    count = round((high - low) / step)
    # As many as the step has: 0.25 and 0.75 are not 0.2 and 0.8.
    decimals = next((d for d in range(9) if abs(round(step, d) - step) < step * 1e-6), 9)
    ticks = [low + k * step for k in range(count + 1)]
    return Axis(low, high, tuple((tick, minus(f"{tick:.{decimals}f}")) for tick in ticks))


def time_axis(start: float, end: float, *, ticks: int = 5) -> Axis:
    """From one moment to another, labelled by day or, when they are near, by the clock (UTC)."""
    end = max(end, start + 2)
    span = end - start
    step = _time_step((end - start) / ticks)
    first = math.ceil(start / step) * step
    inner = (
        [first + k * step for k in range(int((end - first) // step) + 1)] if first <= end else []
    )
    # Labels must not touch those of the two ends.
    room = (end - start) / (ticks * 1.2)
    inner = [tick for tick in inner if start + room < tick < end - room]
    moments = [start, *inner, end]
    labels = [moment_label(tick, span=span) for tick in moments]
    if span >= 2 * DAY:
        labels = _without_repeated_months(labels)
    return Axis(start, end, tuple(zip(moments, labels, strict=True)))


def moment_label(moment: float, *, span: float) -> str:
    """ "14:05:30", "14:05" or "3 May", in UTC: what tells moments within `span` seconds apart."""
    at = datetime.fromtimestamp(moment, UTC)
    if span >= 2 * DAY:
        return f"{at.day} {at:%b}"
    return f"{at:%H:%M:%S}" if span < 5 * MINUTE else f"{at:%H:%M}"


def round_step(rough: float, *, is_whole: bool = False) -> float:
    """The next of 1, 2, 2.5, 3, 5 times a power of ten; whole numbers know no 2.5."""
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    if is_whole:
        power = max(power, 1.0)
    sizes: Sequence[float] = (1, 2, 3, 5, 10) if is_whole else (1, 2, 2.5, 5, 10)
    return next(size * power for size in sizes if size * power >= rough * 0.999)


def short_count(value: float) -> str:
    """ "340", "3k", "1.2M"."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}".removesuffix(".0") + unit
    return f"{value:.0f}"


def minus(text: str) -> str:
    """The number with a minus sign in place of a hyphen."""
    return text.replace("-", "−")


def _time_step(rough: float) -> float:
    steps = [1, 5, 15, 30, MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE]
    steps += [HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY]
    steps += [7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 182 * DAY, 364 * DAY]
    return next((step for step in steps if step >= rough), 3640 * DAY)


def _without_repeated_months(labels: list[str]) -> list[str]:
    """Between the ends, a day of the month already named needs its number only."""
    shown = labels[:1]
    for before, label in pairwise(labels[:-1]):
        day, _, month = label.partition(" ")
        shown.append(day if before.endswith(month) else label)
    return shown + labels[len(shown) :]
