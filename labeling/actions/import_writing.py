"""Storing a chunk of an import: what is new goes in, and every line is counted."""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson

from labeling.actions.import_chunks import Chunk
from labeling.actions.import_images import ImageKeeper
from labeling.actions.import_tally import Tally
from labeling.actions.raters import pseudonym_of
from labeling.formats.rows import (
    JudgmentRow,
    PromptRow,
    RowProblem,
)
from labeling.models import Campaign, Rater, Seat
from labeling.models.import_staging import Staging, as_uuid

JUDGMENT_COLUMNS = (
    "public_id",
    "campaign_id",
    "comparison_id",
    "rater_id",
    "external_id",
    "row_hash",
    "preference",
    "strength",
    "criteria",
    "quality_a",
    "quality_b",
    "rationale",
    "clauses",
    "steps",
    "edited",
    "flags",
    "shown_left",
    "presentation_arm",
    "active_ms",
    "client",
    "is_repeat",
    "judged_at",
    "created_at",
)


class ChunkWriter:
    """Stores chunks in the import's transaction and keeps the tally."""

    def __init__(
        self, *, staging: Staging, campaign: Campaign, tally: Tally, images: ImageKeeper
    ) -> None:
        self._staging = staging
        self._images = images
        self._campaign = campaign
        self._tally = tally
        self._raters: dict[str, tuple[int, str]] = {}
        # A judgment without a time of its own has that of its storing: where `judged_at` is
        # `created_at`, nobody knows when the judgment was made.
        self._now = datetime.now(UTC)

    def store(self, chunk: Chunk) -> None:
        """Store what is new in the chunk; every row is counted once."""
        if not chunk.rows:
            return
        self._images.keep(chunk.images.values())
        for table, rows in chunk.staged():
            self._staging.fill(table, rows)
        if isinstance(chunk.rows[0][0], PromptRow):
            self._store_prompts(chunk)
            return
        resolved = {row[0]: row[1:] for row in self._staging.resolve_comparisons()}
        judged: list[tuple[JudgmentRow, int]] = []
        told: set[int] = set()
        for row, place in chunk.rows:
            comparison_id, turned, is_new, is_new_gold, where, problem = resolved[place]
            self._tally.warnings += row.warning_count
            if problem is not None or comparison_id is None:
                self._tally.reject(RowProblem(row.line, where or "", problem or ""))
            elif isinstance(row, JudgmentRow):
                judged.append((row.turned() if turned else row, comparison_id))
            else:
                self._tally.count(is_new=(is_new or is_new_gold) and place not in told)
                told.add(place)
        if judged:
            self._store_judgments(judged)

    def _store_prompts(self, chunk: Chunk) -> None:
        resolved = {row[0]: row[1:] for row in self._staging.resolve_prompts()}
        told: set[int] = set()
        for row, place in chunk.rows:
            is_new, where, problem = resolved[place]
            if problem is not None:
                self._tally.reject(RowProblem(row.line, where or "", problem))
            else:
                self._tally.count(is_new=is_new and place not in told)
                told.add(place)

    def _store_judgments(self, judged: list[tuple[JudgmentRow, int]]) -> None:
        self._learn_raters(row for row, _ in judged)
        staged: list[tuple[JudgmentRow, int, int, bytes]] = []
        for row, comparison_id in judged:
            rater_id, kind = self._raters[row.rater]
            if kind != row.rater_kind:
                message = f"This rater is known as {kind}; one id is one rater."
                self._tally.reject(RowProblem(row.line, "rater_kind", message))
                continue
            about = b"%d,%d" % (comparison_id, rater_id)
            staged.append((row, comparison_id, rater_id, sha256(row.said_hash() + about).digest()))
        known = self._staging.known_judgments(
            (
                n,
                row.external_id,
                as_uuid(row.external_id),
                row_hash,
                comparison,
                rater,
                row.preference,
            )
            for n, (row, comparison, rater, row_hash) in enumerate(staged)
        )
        self._staging.copy_judgments(JUDGMENT_COLUMNS, self._new_judgments(staged, known))

    def _new_judgments(
        self,
        staged: list[tuple[JudgmentRow, int, int, bytes]],
        known: dict[int, tuple[bool | None, bool, bool]],
    ) -> Iterable[tuple[Any, ...]]:
        by_id: dict[str, bytes] = {}
        by_words: set[bytes] = set()
        met: set[tuple[int, int]] = set()
        for n, (row, comparison_id, rater_id, row_hash) in enumerate(staged):
            is_same_by_id, is_known, has_met = known[n]
            if row.external_id is not None:
                if is_same_by_id is None and row.external_id in by_id:
                    is_same_by_id = by_id[row.external_id] == row_hash
                if is_same_by_id is False:
                    message = (
                        "Conflict: this judgment_id is known with another answer. A judgment is "
                        "never changed by an import; give the row another id."
                    )
                    self._tally.reject(RowProblem(row.line, "judgment_id", message))
                    continue
                is_known = is_same_by_id is True
                by_id[row.external_id] = row_hash
            else:
                is_known = is_known or row_hash in by_words
                by_words.add(row_hash)
            self._tally.count(is_new=not is_known)
            if is_known:
                continue
            has_met = has_met or (comparison_id, rater_id) in met
            met.add((comparison_id, rater_id))
            if has_met and not row.is_repeat:
                # The rater's first answer is theirs; what follows tells how steady they are.
                self._tally.warnings += 1
            yield self._judgment(row, comparison_id, rater_id, row_hash, row.is_repeat or has_met)

    def _judgment(
        self, row: JudgmentRow, comparison_id: int, rater_id: int, row_hash: bytes, is_repeat: bool
    ) -> tuple[Any, ...]:
        return (
            uuid4(),
            self._campaign.pk,
            comparison_id,
            rater_id,
            row.external_id,
            row_hash,
            row.preference,
            row.strength,
            _json(row.criteria),
            row.quality_a,
            row.quality_b,
            row.rationale,
            list(row.clauses),
            _json(row.steps),
            None if row.edited is None else _json(row.edited),
            [],
            row.shown_left,
            row.presentation_arm,
            row.active_ms,
            "{}",
            is_repeat,
            row.judged_at or self._now,
            self._now,
        )

    def _learn_raters(self, rows: Iterable[JudgmentRow]) -> None:
        """Know every rater of the rows by the file's id, with a seat made for each new one."""
        unknown: dict[str, JudgmentRow] = {}
        for row in rows:
            if row.rater not in self._raters:
                unknown.setdefault(row.rater, row)
        if not unknown:
            return
        seats = Seat.objects.filter(campaign=self._campaign).select_related("rater")
        # A pseudonym is what our own exports call a rater.
        for seat in seats.filter(pseudonym__in=list(unknown)):
            self._raters[seat.pseudonym] = (seat.rater_id, seat.rater.kind)
        for seat in seats.filter(external_id__in=list(unknown)):
            self._raters[seat.external_id or ""] = (seat.rater_id, seat.rater.kind)
        new = {name: row for name, row in unknown.items() if name not in self._raters}
        raters = Rater.objects.bulk_create(
            Rater(organisation_id=self._campaign.organisation_id, kind=row.rater_kind)
            for row in new.values()
        )
        Seat.objects.bulk_create(
            Seat(
                rater=rater,
                campaign=self._campaign,
                is_active=False,
                pseudonym=pseudonym_of(self._campaign, rater),
                external_id=name,
                groups=orjson.loads(row.rater_groups),
            )
            for rater, (name, row) in zip(raters, new.items(), strict=True)
        )
        for rater, name in zip(raters, new, strict=True):
            self._raters[name] = (rater.pk, rater.kind)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
