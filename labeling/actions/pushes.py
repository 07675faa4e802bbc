"""Completions that a training loop brings: stored, paired, and put before raters soon after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from labeling import audit, jobs
from labeling.actions.ended import hold_campaign
from labeling.actions.import_turns import keep_imports_out
from labeling.actions.push_pairs import Key, Paired, pair_pushed
from labeling.actions.slot_answers import source_of, stored_completions
from labeling.errors import FieldProblem, refused
from labeling.formats import fields, native_prompts
from labeling.formats.fields import RowRefusedError
from labeling.formats.filters import read_filters
from labeling.formats.rows import CompletionRow, PromptRow
from labeling.models import Campaign, Completion, Prompt, Source, User

MAX_ROWS = 500
MAX_AGAINST = 32
PAIRINGS = ("all", "against", "none")
OPEN = "workers.imports.open_arrivals"
ROW_KEYS = frozenset(
    {"id", "prompt", "messages", "prompt_id", "language", "tags", "metadata", "completion", "text"}
    | {"model", "params", "finish_reason", "token_times"}
)
_PROMPT_KEYS = ("prompt", "messages", "prompt_id", "language", "tags", "metadata")


@dataclass
class Pushed:
    """What became of one row."""

    status: str = "refused"
    completion: UUID | None = None
    prompt: UUID | None = None
    errors: list[FieldProblem] = field(default_factory=list)
    # The filter for which its completion makes no pairs; "" if it may make some.
    left_out: str = ""
    # What is noted of the completion, by filters or when it came.
    marks: list[str] = field(default_factory=list)
    # With how many others it is not paired, by the filter.
    unpaired: dict[str, int] = field(default_factory=dict)


@dataclass
class Push:
    """What became of a batch: a result for each row, in order, and the comparisons made."""

    rows: list[Pushed]
    comparisons: int = 0


@dataclass
class _Row:
    """A row that can be stored."""

    result: Pushed
    prompt_row: PromptRow
    prompt_uuid: UUID | None
    made: CompletionRow
    finish_reason: str
    prompt: Prompt | None = None
    key: Key | None = None


@transaction.atomic(durable=True)
def push_completions(
    *,
    campaign: Campaign,
    by: User | None,
    rows: Sequence[Mapping[str, Any]],
    model: str = "",
    params: Mapping[str, Any] | None = None,
    pairing: str = "all",
    against: Sequence[str] = (),
    filters: Mapping[str, str] | None = None,
) -> Push:
    """Store completions of prompts, and pair them; what can be judged then waits for a round.

    `model` and `params` say where rows come from that do not say it themselves. `pairing` "all"
    pairs a prompt's new completions with one another and with those of the models in `against`;
    "against" with the latter alone. `filters` say what is left out of pairs or marked, as a run's
    do: what is left out is stored. A row that cannot be used is refused by its fields and the
    others are stored; one that is there already is told as such and paired no less. ConflictError
    while a file is imported into the campaign.
    """
    campaign = hold_campaign(campaign)
    if not 1 <= len(rows) <= MAX_ROWS:
        raise refused("completions", f"From 1 to {MAX_ROWS} rows.")
    if pairing not in PAIRINGS:
        raise refused("pairing", f"Write one of {', '.join(PAIRINGS)}.")
    chosen = read_filters(dict(filters or {}))
    old = _old_sources(campaign, against)
    if pairing == "against" and not old:
        raise refused("against", "Name a model whose completions are there already.")
    keep_imports_out(campaign)
    results = [Pushed() for _ in rows]
    read = [
        one
        for row, result in zip(rows, results, strict=True)
        if (one := _read(row, result, model, params or {})) is not None
    ]
    _find_prompts(campaign, read)
    kept = [one for one in read if one.prompt is not None]
    ids, new = _store(campaign, kept)
    paired = pair_pushed(campaign=campaign, pushed=ids, old=old, pairing=pairing, chosen=chosen)
    _tell(kept, ids, new, paired)
    push = Push(results, paired.comparisons)
    if new or push.comparisons:
        audit.record(
            "completion.pushed",
            campaign=campaign,
            by=by,
            subject=campaign.public_id,
            completions=len(new),
            comparisons=push.comparisons,
        )
    if push.comparisons:
        # Should the bell be lost, the schedule rings it within half a minute.
        jobs.enqueue(OPEN)
    return push


def _old_sources(campaign: Campaign, names: Sequence[str]) -> dict[int, str]:
    if len(names) > MAX_AGAINST:
        raise refused("against", f"At most {MAX_AGAINST} models.")
    found = Source.objects.filter(campaign=campaign, model__in=names)
    known = {pk: str(model) for pk, model in found.values_list("pk", "model")}
    for name in names:
        if name not in known.values():
            raise refused("against", f"No completion of this campaign is by {name[:120]}.")
    return known


def _read(
    row: Mapping[str, Any], result: Pushed, model: str, params: Mapping[str, Any]
) -> _Row | None:
    """The row in our form; None, with what is wrong noted, if it cannot be used."""
    try:
        if not isinstance(row, dict):
            fields.refuse("", "A row is an object.")
        fields.only_keys(row, ROW_KEYS)
        uuid = _uuid(row.get("id"))
        # With an id, the prompt is there: its text is not read.
        told = {key: row[key] for key in _PROMPT_KEYS if key in row}
        prompt = native_prompts.read_prompt(
            {"prompt_id": str(uuid)} if uuid else told, 1, is_required=False
        )
        completion: dict[str, Any] = {
            "model": row.get("model", model) or None,
            "params": row.get("params", dict(params)),
            "token_times": row.get("token_times"),
        }
        value = row.get("completion", row.get("text"))
        completion["messages" if isinstance(value, list) else "text"] = value
        if completion["model"] is None:
            fields.refuse("model", "Name the model or checkpoint that wrote it.")
        if value is None:
            fields.refuse("completion", "Give the completion, as text or as messages.")
        made = native_prompts.read_completion(completion, "completion")
        reason = fields.optional_text(row.get("finish_reason"), "finish_reason", max_chars=32)
        if prompt.images or made.images:
            fields.refuse("messages", "Images come with an import; here they are named only.")
        for part in (prompt.messages, made.messages, made.params, prompt.metadata):
            if part is not None and b"\\u0000" in part:
                fields.refuse("completion", "U+0000 cannot be stored.")
    except RowRefusedError as refused:
        result.errors.append(FieldProblem(refused.field, refused.message))
        return None
    return _Row(result, prompt, uuid, made, reason or "")


def _uuid(value: Any) -> UUID | None:
    if value is None:
        return None
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        fields.refuse("id", "The public id of a prompt is a UUID.")


def _find_prompts(campaign: Campaign, read: Sequence[_Row]) -> None:
    """Each row's prompt; one whose messages come with it is made if it is new."""
    prompts = campaign.prompts
    by_uuid = {
        one.public_id: one
        for one in prompts.filter(public_id__in=[r.prompt_uuid for r in read if r.prompt_uuid])
    }
    named = [r.prompt_row.external_id for r in read if r.prompt_row.external_id]
    by_name = {one.external_id: one for one in prompts.filter(external_id__in=named)}
    hashes = [r.prompt_row.content_hash for r in read if r.prompt_row.content_hash]
    by_hash = {
        bytes(one.content_hash): one
        for one in prompts.filter(external_id=None, content_hash__in=hashes)
    }
    for one in read:
        row = one.prompt_row
        if one.prompt_uuid is not None:
            one.prompt = by_uuid.get(one.prompt_uuid)
            field_name = "id"
        elif row.external_id is not None:
            one.prompt = by_name.get(row.external_id)
            field_name = "prompt_id"
            if one.prompt is None and row.messages is not None:
                one.prompt = by_name[row.external_id] = _made(campaign, row)
            elif one.prompt and row.content_hash not in (None, bytes(one.prompt.content_hash)):
                one.prompt = None
                message = "This id belongs to a prompt with other messages."
                one.result.errors.append(FieldProblem("prompt_id", message))
                continue
        else:
            digest = row.content_hash or b""
            one.prompt = by_hash.get(digest)
            field_name = "prompt"
            if one.prompt is None:
                one.prompt = by_hash[digest] = _made(campaign, row)
        if one.prompt is None:
            message = "No prompt of this campaign has this id; give its messages, or import it."
            one.result.errors.append(FieldProblem(field_name, message))
        else:
            one.result.prompt = one.prompt.public_id


def _made(campaign: Campaign, row: PromptRow) -> Prompt:
    return Prompt.objects.create(
        campaign=campaign,
        external_id=row.external_id,
        content_hash=row.content_hash or b"",
        messages=orjson.loads(row.messages or b"[]"),
        language=row.language,
        tags=list(row.tags),
        metadata=orjson.loads(row.metadata),
    )


def _store(campaign: Campaign, kept: Sequence[_Row]) -> tuple[dict[Key, int], set[Key]]:
    """Store the rows' completions; their ids, and the keys of those not there before."""
    sources: dict[bytes, Source] = {}
    wanted: dict[Key, Completion] = {}
    for one in kept:
        made = one.made
        if made.source_key not in sources:
            sources[made.source_key] = source_of(
                campaign.pk, made.source_key, made.model, orjson.loads(made.params)
            )
        assert one.prompt is not None  # noqa: S101  # only such rows are kept
        one.key = (one.prompt.pk, made.content_hash, sources[made.source_key].pk)
        wanted.setdefault(
            one.key,
            Completion(
                prompt=one.prompt,
                source=sources[made.source_key],
                content_hash=made.content_hash,
                messages=orjson.loads(made.messages or b"null"),
                char_count=made.char_count,
                header_count=made.style.headers,
                bold_count=made.style.bold,
                list_count=made.style.lists,
                finish_reason=one.finish_reason,
                marks=list(made.marks),
                token_times=orjson.loads(made.token_times) if made.token_times else None,
            ),
        )
    before = _known(wanted)
    ids = stored_completions(wanted) if wanted else {}
    return ids, set(wanted) - before


def _tell(kept: Sequence[_Row], ids: Mapping[Key, int], new: set[Key], paired: Paired) -> None:
    """Say of each row which completion it is, and what filters did about it."""
    found = Completion.objects.filter(pk__in=ids.values())
    told = {pk: (uuid, marks) for pk, uuid, marks in found.values_list("pk", "public_id", "marks")}
    fresh = set(new)
    for one in kept:
        assert one.key is not None  # noqa: S101  # set when it was stored
        pk = ids[one.key]
        one.result.status = "created" if one.key in fresh else "duplicate"
        fresh.discard(one.key)
        one.result.completion, one.result.marks = told[pk]
        one.result.left_out = paired.left_out.get(pk, "")
        if not one.result.left_out:
            one.result.unpaired = dict(paired.unpaired.get(pk, {}))


def _known(wanted: Mapping[Key, Completion]) -> set[Key]:
    found = Completion.objects.filter(
        prompt_id__in={key[0] for key in wanted},
        content_hash__in={key[1] for key in wanted},
        source_id__in={key[2] for key in wanted},
    ).values_list("prompt_id", "content_hash", "source_id")
    return {(prompt, bytes(text), source) for prompt, text, source in found} & set(wanted)
