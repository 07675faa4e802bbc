"""What stands of a round, as bytes that have a hash, and what they hold."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec

from labeling.formats.export_choice import choose
from labeling.models import Assignment, Campaign, Round
from labeling.queries.export_rows import open_export

# Said in the manifest: who hashes the same rows in this order gets the same sum.
ORDER = "the judgments in the order in which they were stored"


class _Line(msgspec.Struct):
    """The fields of a canonical row that a manifest counts."""

    comparison_id: str
    rater: str | None
    guideline_version: int | None


@dataclass(frozen=True)
class FrozenRows:
    """The hash of a round's canonical rows, and the manifest that describes them."""

    sha256: str
    manifest: dict[str, Any]


def frozen_rows(campaign: Campaign, round_: Round) -> FrozenRows:
    """Read the round's standing judgments once.

    People's and judges' alike, hidden repeats included, without what a decision about a rater's
    work excludes: the live export's native record of every judgment, of this round alone.
    """
    choice = msgspec.structs.replace(choose({}), only_round=round_.number)
    digest = hashlib.sha256()
    decoder = msgspec.json.Decoder(_Line)
    comparisons: set[int] = set()
    raters: set[str | None] = set()
    versions: Counter[str] = Counter()
    judgments = size = 0
    export = open_export(campaign, choice)
    try:
        visible = export.visible()
        for piece in export:
            digest.update(piece)
            size += len(piece)
            for line in decoder.decode_lines(piece):
                judgments += 1
                # A hash of 64 bits: a million ids as text would be most of the memory.
                comparisons.add(hash(line.comparison_id))
                raters.add(line.rater)
                versions[str(line.guideline_version or "none")] += 1
        counts = dict(export.counts)
    finally:
        export.close()
    unended = Assignment.objects.filter(
        comparison__round=round_, rater__isnull=False, ended_at=None
    )
    manifest = {
        "round": round_.number,
        "rule": "each",
        "ties": "keep",
        "layout": choice.layout,
        "choice": choice.words(),
        "order": ORDER,
        "hashed": "the lines of the layout as JSONL, each with its line feed",
        "judgments": judgments,
        "comparisons": len(comparisons),
        "raters": len(raters),
        "guideline_versions": dict(sorted(versions.items())),
        "excluded": counts.get("excluded", 0),
        "bytes": size,
        # Leases that were still held: their judgments, if they come, are in a later snapshot.
        "held": unended.count(),
        "visible": visible,
    }
    return FrozenRows(digest.hexdigest(), manifest)
