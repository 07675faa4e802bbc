"""Keep what a rater has chosen and typed so far; forget it when it is answered."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from labeling.errors import InvalidInputError
from labeling.models import Campaign, Rater
from labeling.models.drafts import delete_ended_drafts, save_draft

MAX_FIELDS = 400
# An edited answer may be 200,000 characters long, and a reason 20,000.
MAX_CHARS = 300_000
BATCH = 1000


def keep_draft(
    *,
    rater: Rater,
    campaign: Campaign,
    assignment_id: UUID,
    fields: Mapping[str, Sequence[str]],
    written_ms: int | None,
) -> bool:
    """Keep the rater's draft of an assignment they hold; whether it is the newest of it.

    `written_ms` is when it was written, by the server's clock as the page knows it. Nothing is kept
    of what the rater does not hold, and that is no error: a page may be late.
    """
    said = {name: list(values) for name, values in fields.items()}
    length = sum(len(name) + sum(map(len, values)) for name, values in said.items())
    if len(said) > MAX_FIELDS or length > MAX_CHARS:
        raise InvalidInputError(f"A draft holds at most {MAX_CHARS:,} characters.")
    if any("\x00" in text for name, values in said.items() for text in (name, *values)):
        raise InvalidInputError("The text has a NUL character in it; take it out.")
    return save_draft(
        rater_id=rater.pk,
        campaign_id=campaign.pk,
        assignment=assignment_id,
        fields=said,
        at=_moment(written_ms),
    )


@transaction.atomic(durable=True)
def forget_ended_drafts() -> int:
    """Delete drafts of assignments that ended, and such as nobody came back to for a month."""
    return delete_ended_drafts(BATCH)


def _moment(milliseconds: int | None) -> datetime:
    now = datetime.now(UTC)
    if milliseconds is None or not 0 <= milliseconds < 253_402_300_799_000:
        return now
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
