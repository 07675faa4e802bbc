"""What a report found of what was planted: a row for each figure, inside its interval or not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.bradley_terry import elo
from labeling.simulation.expected import Expected
from labeling.simulation.kinds import BAD
from labeling.simulation.planted import AS_WRITTEN, AT_ONCE, Planted

# A rater is caught when a careful one would so rarely be so far out.
CAUGHT: Final = 0.05
CAUGHT_SURELY: Final = 0.01


@dataclass(frozen=True)
class Finding:
    """A figure as it was planted, as it would be in the limit, and as the report has it.

    None where there is none of it; `is_inside` tells whether the limit lies in the interval.
    """

    part: str
    name: str
    planted: float | None
    expected: float | None
    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def is_inside(self) -> bool | None:
        if self.expected is None or self.low is None or self.high is None:
            return None
        return self.low <= self.expected <= self.high

    def as_json(self) -> dict[str, Any]:
        """Plain values under the same names."""
        return {**asdict(self), "is_inside": self.is_inside}


@dataclass(frozen=True)
class Caught:
    """How many raters of a kind stand out so far, of how many that were weighed."""

    kind: str
    raters: int
    caught: int
    caught_surely: int
    median_chance: float

    def as_json(self) -> dict[str, Any]:
        """Plain values under the same names."""
        return asdict(self)


def findings(planted: Planted, limit: Expected, body: Mapping[str, Any]) -> list[Finding]:
    """The figures of a report's body that something was planted for, part by part."""
    return [
        *_strengths(planted, limit, body),
        *_biases(planted, limit, body),
        *_arms(planted, limit, body),
        *_style(planted, body),
        *_groups(planted, limit, body),
    ]


def _strengths(planted: Planted, limit: Expected, body: Mapping[str, Any]) -> Iterator[Finding]:
    rows = {row["model"]: row for row in body.get("leaderboard") or ()}
    for name in sorted(rows, key=lambda one: -rows[one]["elo"]):
        row = rows[name]
        known = limit.strengths.get(name)
        yield Finding(
            part="strength",
            name=name,
            planted=_elo(planted.manners[name].strength) if name in planted.manners else None,
            expected=None if known is None else _elo(known),
            value=row["elo"],
            low=row["low"],
            high=row["high"],
            n=row["judgment_count"],
        )


def _elo(strength: float) -> float:
    return float(elo(np.array([strength]))[0])


def _biases(planted: Planted, limit: Expected, body: Mapping[str, Any]) -> Iterator[Finding]:
    bias, wishes = body.get("bias") or {}, planted.wishes
    yield _share("left answer", wishes.side, limit.left, bias.get("position"))
    yield _share("longer answer", wishes.length, limit.longer, bias.get("length"))


def _arms(planted: Planted, limit: Expected, body: Mapping[str, Any]) -> Iterator[Finding]:
    """The longer answer's share in each arm, and what streaming takes from it."""
    tested = body.get("presentation_experiment") or {}
    rows = {row["name"]: row.get("longer") for row in tested.get("arms") or ()}
    by_arm = limit.longer_by_arm
    for arm, share in planted.arms.items():
        pull = planted.wishes.length * share
        yield _share(arm, pull, by_arm.get(arm), rows.get(arm), part="arm")
    if planted.arms and len(by_arm) == len(planted.arms):
        lost = -planted.wishes.length * (1 - planted.arms[AS_WRITTEN])
        change = by_arm[AS_WRITTEN] - by_arm[AT_ONCE]
        found = (tested.get("contrasts") or {}).get("streaming")
        yield _share(f"{AS_WRITTEN}, less {AT_ONCE}", lost, change, found, part="arm")


def _style(planted: Planted, body: Mapping[str, Any]) -> Iterator[Finding]:
    """What the style-controlled board gives length; its limit is not worked out."""
    style = (body.get("rankings") or {}).get("style") or {}
    for row in style.get("coefficients") or ():
        if row["style"] == "length":
            pull = planted.wishes.length * (
                sum(planted.arms.values()) / len(planted.arms) if planted.arms else 1.0
            )
            yield _share("length, per standard deviation", pull, None, row, part="style")


def _groups(planted: Planted, limit: Expected, body: Mapping[str, Any]) -> Iterator[Finding]:
    """Each group's own strengths, of the attribute that was planted."""
    known = set(limit.strengths_by_group)
    for row in body.get("groups") or ():
        for group in row.get("groups") or ():
            if group["group"] not in known:
                continue
            for one in sorted(group.get("board") or (), key=lambda row: -row["elo"]):
                manner = planted.manners[one["model"]]
                expected = limit.strengths_by_group[group["group"]].get(one["model"])
                taste = manner.tastes.get(group["group"], 0.0)
                yield Finding(
                    part="group",
                    name=f"{group['group']}: {one['model']}",
                    planted=_elo(manner.strength + taste),
                    expected=None if expected is None else _elo(expected),
                    value=one["elo"],
                    low=one["low"],
                    high=one["high"],
                    n=one.get("judgment_count", group["judgment_count"]),
                )


def _share(
    name: str,
    effect: float,
    limit: float | None,
    row: Mapping[str, Any] | None,
    *,
    part: str = "bias",
) -> Finding:
    row = row or {}
    return Finding(
        part=part,
        name=name,
        planted=effect,
        expected=limit,
        value=row.get("value"),
        low=row.get("low"),
        high=row.get("high"),
        n=row.get("n", 0),
    )


def caught(chances: Mapping[str, Sequence[float]]) -> list[Caught]:
    """For each kind the raters that stand out, from each rater's chance of being so far out.

    Careful ones come first: of them, those who are caught are false alarms.
    """
    order = sorted(chances, key=lambda kind: (kind != "careful", kind not in BAD, kind))
    return [
        Caught(
            kind=kind,
            raters=len(chances[kind]),
            caught=int(np.count_nonzero(np.array(chances[kind]) < CAUGHT)),
            caught_surely=int(np.count_nonzero(np.array(chances[kind]) < CAUGHT_SURELY)),
            median_chance=float(np.median(chances[kind])),
        )
        for kind in order
        if len(chances[kind])
    ]
