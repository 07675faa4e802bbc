"""One chunk of an import: its rows, with each prompt, completion and pair staged once."""

from collections.abc import Iterable
from typing import Any

from labeling.formats.images import KeptImage
from labeling.formats.rows import (
    ComparisonRow,
    CompletionRow,
    JudgmentRow,
    PromptRow,
    Row,
)
from labeling.models.import_staging import as_uuid

CHUNK_ROWS = 10_000
# A chunk of very long texts ends earlier.
CHUNK_BYTES = 24 << 20


class Chunk:
    """Rows waiting to be staged. Each prompt, completion and pair among them is staged once.

    A row refers to what an earlier row of the chunk said exactly as it would to what an earlier
    chunk stored, so where a chunk ends makes no difference.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[Row, int]] = []
        self.byte_count = 0
        self.images: dict[bytes, KeptImage] = {}
        self._prompts: dict[Any, int] = {}
        self._prompt_rows: list[PromptRow] = []
        self._completions: dict[Any, int] = {}
        self._completion_rows: list[tuple[int, CompletionRow]] = []
        self._comparisons: dict[Any, tuple[int, bool]] = {}
        self._comparison_rows: list[tuple[Any, ...]] = []
        self._defined_ids: set[str] = set()

    @property
    def is_full(self) -> bool:
        """Time to store it."""
        return len(self.rows) >= CHUNK_ROWS or self.byte_count >= CHUNK_BYTES

    def add(self, row: Row) -> None:
        """Take the row in."""
        if isinstance(row, PromptRow):
            place = self._prompt(row)
        else:
            place = self._comparison(row.comparison if isinstance(row, JudgmentRow) else row)
            self.byte_count += 200 + (len(row.rationale) if isinstance(row, JudgmentRow) else 0)
        self.rows.append((row, place))

    def _prompt(self, row: PromptRow) -> int:
        key: tuple[Any, ...] = ("id and text", row.external_id, row.content_hash)
        if row.content_hash is None:
            key = ("id", row.external_id)
        elif row.external_id is None:
            key = ("text", row.content_hash)
        known = self._prompts.get(key)
        if known is not None:
            return known
        place = len(self._prompt_rows)
        self._prompt_rows.append(row)
        self._prompts[key] = place
        if row.external_id is not None:
            self._prompts.setdefault(("id", row.external_id), place)
        if row.content_hash is not None:
            self._prompts.setdefault(("text", row.content_hash), place)
        self.byte_count += len(row.messages or b"") + len(row.metadata) + 200
        self._bring(row.images)
        return place

    def _completion(self, prompt: int, row: CompletionRow) -> int:
        key: tuple[Any, ...] = ("whole", prompt, row.key)
        has_source = row.model is not None or row.params != b"{}"
        if not has_source:
            key = ("text", prompt, row.content_hash)
        elif row.messages is None and row.params == b"{}":
            key = ("model", prompt, row.model)
        known = self._completions.get(key)
        if known is not None:
            return known
        place = len(self._completion_rows)
        self._completion_rows.append((prompt, row))
        self._completions[key] = place
        self._completions.setdefault(("whole", prompt, row.key), place)
        if prompt >= 0 and row.messages is not None:
            self._completions.setdefault(("text", prompt, row.content_hash), place)
            if row.model is not None:
                self._completions.setdefault(("model", prompt, row.model), place)
        self.byte_count += len(row.messages or b"") + 200
        self._bring(row.images)
        return place

    def _bring(self, images: Iterable[KeptImage]) -> None:
        for image in images:
            if image.source_hash not in self.images:
                self.images[image.source_hash] = image
                self.byte_count += len(image.content)

    def _comparison(self, row: ComparisonRow) -> int:
        p = -1 if row.prompt is None else self._prompt(row.prompt)
        a = None if row.a is None else self._completion(p, row.a)
        b = None if row.b is None else self._completion(p, row.b)
        is_whole = p >= 0 and a is not None
        external_id = row.external_id
        # A row that leaves the texts out means what an earlier line said, not a later one.
        is_early = not is_whole and external_id not in self._defined_ids
        key = (external_id, p, a, b, row.gold, is_early)
        known = self._comparisons.get(key)
        if known is not None:
            return known[0]
        place = len(self._comparison_rows)
        same_as, is_crossed = None, False
        if is_whole:
            if external_id is not None:
                self._defined_ids.add(external_id)
            else:
                same_as, is_crossed = self._same_pair(p, a, b)
            if same_as is None:
                self._comparisons.setdefault(("pair", p, a, b), (place, False))
                self._comparisons.setdefault(("pair", p, b, a), (place, True))
        gold = row.gold
        self._comparison_rows.append(
            (
                place,
                external_id,
                as_uuid(external_id),
                p if p >= 0 else None,
                a,
                b,
                is_early,
                same_as,
                is_crossed,
                gold.preference if gold else None,
                gold.strength if gold else None,
                gold.explanation if gold else None,
                gold.clause if gold else None,
            )
        )
        self._comparisons[key] = (place, False)
        return place

    def _same_pair(self, p: int, a: int | None, b: int | None) -> tuple[int | None, bool]:
        return self._comparisons.get(("pair", p, a, b), (None, False))

    def staged(self) -> Iterable[tuple[str, Iterable[tuple[Any, ...]]]]:
        """Each staging table of the chunk with its rows."""
        yield (
            "stage_prompt",
            (
                (place, row.external_id, as_uuid(row.external_id), row.content_hash)
                for place, row in enumerate(self._prompt_rows)
            ),
        )
        yield (
            "stage_prompt_text",
            (
                (place, _text(row.messages), row.language, list(row.tags), _text(row.metadata))
                for place, row in enumerate(self._prompt_rows)
                if row.messages is not None
            ),
        )
        yield (
            "stage_completion",
            (
                (
                    place,
                    prompt if prompt >= 0 else None,
                    row.content_hash,
                    row.source_key,
                    row.model,
                    _text(row.params),
                    row.messages is not None,
                    row.char_count,
                    row.style.headers,
                    row.style.bold,
                    row.style.lists,
                )
                for place, (prompt, row) in enumerate(self._completion_rows)
            ),
        )
        yield (
            "stage_completion_text",
            (
                (place, _text(row.messages), list(row.marks), _text(row.token_times))
                for place, (_, row) in enumerate(self._completion_rows)
                if row.messages is not None
            ),
        )
        yield "stage_comparison", self._comparison_rows


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode()
