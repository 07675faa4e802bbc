"""Estimates of a table as whiskers on an axis that all its rows share, and what is read aloud."""

from collections.abc import Callable, Iterable, Mapping
from math import ceil, floor
from typing import Any

from labeling.charts.axes import Axis, minus
from labeling.charts.markup import Svg
from labeling.charts.small import whisker

Row = Mapping[str, Any]
LIMITS = ("low", "high")


def axis_of(
    rows: Iterable[Row],
    *,
    step: float,
    without: tuple[float, float],
    within: tuple[float, float] | None = None,
    around: Iterable[float] = (),
) -> Axis:
    """From a round `step` below the lowest limit of the rows to one above the highest.

    Values `around` are on it, too; `without` any limit it is that, and it stays `within`.
    """
    known = [row[name] for row in rows for name in ("value", *LIMITS) if row.get(name) is not None]
    if not known:
        return Axis(*without)
    known += around
    low = floor(min(known) / step + 1e-9) * step
    high = ceil(max(known) / step - 1e-9) * step
    if high <= low:
        high = low + step
    if within is not None:
        low, high = max(low, within[0]), min(high, within[1])
    return Axis(low, high)


def whisker_of(
    name: str,
    row: Row,
    axis: Axis,
    *,
    say: Callable[[float], str],
    unit: str = "",
    reference: float | None = None,
    at: str = "value",
) -> Svg:
    """The row's value `at` between its limits, called by `name`; nothing for one without limits.

    `say` words a limit and `unit` stands after both. A `reference` off the axis is left out.
    """
    if row[at] is None or row["low"] is None:
        return Svg()
    is_inside = reference is not None and axis.low <= reference <= axis.high
    return whisker(
        low=row["low"],
        value=row[at],
        high=row["high"],
        axis=axis,
        reference=reference if is_inside else None,
        label=f"{name} {span(row['low'], row['high'], say)}{unit}".strip(),
    )


def span(low: float, high: float, say: Callable[[float], str]) -> str:
    """Two ends in words: "0.12 to 0.34"."""
    return f"{minus(say(low))} to {minus(say(high))}"


def two_decimals(value: float) -> str:
    """ "0.12"."""
    return f"{value:.2f}"


def one_decimal(value: float) -> str:
    """ "0.1"."""
    return f"{value:.1f}"


def whole(value: float) -> str:
    """ "1,234"."""
    return f"{value:,.0f}"


def per_cent(share: float) -> str:
    """ "12 %"."""
    return f"{share * 100:.0f} %"


def points(share: float) -> str:
    """A share in points, without their unit: "12.3"."""
    return f"{share * 100:.1f}"
