"""How often one rater names the better answer, as the newest report has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labeling.models import Campaign, Rater, Seat
from labeling.queries.progress import newest_report


@dataclass(frozen=True)
class Reliability:
    """The joint model's figure for a rater, by weeks or months where there are several, and when
    it was computed.
    """

    estimate: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    computed_at: datetime


def reliability_of(campaign: Campaign, rater: Rater) -> Reliability | None:
    """None before a report that has it, of a judge, and of who judged nothing that counts."""
    report = newest_report(campaign)
    seat = Seat.objects.filter(campaign=campaign, rater=rater).only("pseudonym").first()
    if report is None or seat is None:
        return None
    rows = report.body.get("raters", ())
    row = next((one for one in rows if one["rater"] == seat.pseudonym), None)
    if row is None or "reliability" not in row:
        return None
    return Reliability(row["reliability"], row["reliability_history"], report.computed_at)
