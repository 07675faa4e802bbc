"""What providers sent for a completion, word for word, where its run kept it."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from labeling.models import Completion, RawAnswer

# One text may have filled many slots; each body is at most a megabyte.
MOST = 20


@dataclass(frozen=True)
class KeptAnswer:
    """A body as it came, decoded; `is_exact` is false where it was no UTF-8 and was mended."""

    generation: UUID
    sample: int
    body: str
    is_exact: bool
    created_at: datetime


def raw_answers(completion: Completion) -> Iterator[KeptAnswer]:
    """The kept answers that hold this completion's text, the first 20 in the order they came."""
    kept = RawAnswer.objects.filter(slot__completion=completion).select_related("slot__run")
    for one in kept.order_by("slot_id")[:MOST]:
        body = gzip.decompress(bytes(one.body))
        text = body.decode(errors="replace")
        yield KeptAnswer(
            generation=one.slot.run.public_id,
            sample=one.slot.sample,
            body=text,
            is_exact=text.encode() == body,
            created_at=one.created_at,
        )
