"""The prompts and completions of native rows."""

from typing import Any

import orjson

from labeling.formats import fields
from labeling.formats.fields import only_keys, refuse
from labeling.formats.rows import (
    CompletionRow,
    PromptRow,
    assistant_message,
    completion_row,
    prompt_row,
    user_message,
)
from labeling.presentation import recorded_times

COMPLETION_KEYS = frozenset({"text", "messages", "model", "params", "token_times"})
MAX_TOKEN_TIMES = 100_000


def read_prompt(row: dict[str, Any], line: int, *, is_required: bool = False) -> PromptRow:
    """The prompt of a row: its text or messages, or the id of one that is known."""
    text = row.get("prompt")
    messages = row.get("messages")
    if text is not None and messages is not None:
        refuse("messages", 'Give the prompt once: as "prompt" or as "messages".')
    external_id = fields.optional_id(row.get("prompt_id"), "prompt_id")
    content = None
    if isinstance(text, str):
        if not text.strip():
            refuse("prompt", "The prompt is empty.")
        content = user_message(text)
    elif isinstance(text, list):
        content = fields.messages(text, "prompt")
    elif text is not None:
        refuse("prompt", f"Expected text or messages, found {fields.kind_name(text)}.")
    elif messages is not None:
        content = fields.messages(messages, "messages")
    elif is_required or external_id is None:
        refuse("prompt", 'Give the prompt as "prompt" (text) or "messages".')
    return prompt_row(
        line=line,
        external_id=external_id,
        messages=content,
        language=fields.optional_text(row.get("language"), "language", max_chars=35) or "",
        tags=fields.tags(row.get("tags"), "tags"),
        metadata=fields.mapping(row.get("metadata"), "metadata"),
    )


def read_completion(value: Any, field: str) -> CompletionRow:
    """A completion: text, `{"text", "model", "params"}` or `{"messages", "model"}`.

    `token_times`, for the arms that replay them, are milliseconds from the request to each token.

    Real files hold booleans, numbers and empty strings where a text was meant: they are taken as
    the text they are written as, and counted as warnings.
    """
    if not isinstance(value, dict):
        if isinstance(value, list):
            return completion_row(messages=fields.messages(value, field), model=None)
        text, warning_count = _as_text(value, field)
        return completion_row(
            messages=assistant_message(text), model=None, warning_count=warning_count
        )
    only_keys(value, COMPLETION_KEYS, within=field)
    model = fields.optional_text(value.get("model"), f"{field}.model", max_chars=500)
    params = fields.mapping(value.get("params"), f"{field}.params")
    times = _token_times(value.get("token_times"), f"{field}.token_times")
    if value.get("messages") is not None:
        if value.get("text") is not None:
            refuse(f"{field}.text", 'Give the completion once: as "text" or as "messages".')
        conversation = fields.messages(value["messages"], f"{field}.messages")
        return completion_row(messages=conversation, model=model, params=params, token_times=times)
    if value.get("text") is None:
        if not model:
            refuse(field, 'Give its "text" or "messages", or at least its "model".')
        return completion_row(messages=None, model=model, params=params)
    text, warning_count = _as_text(value["text"], f"{field}.text")
    return completion_row(
        messages=assistant_message(text),
        model=model,
        params=params,
        warning_count=warning_count,
        token_times=times,
    )


def _token_times(value: Any, field: str) -> list[float] | None:
    if value is None:
        return None
    if recorded_times(value) is None or len(value) > MAX_TOKEN_TIMES:
        refuse(
            field,
            "Expected a list of milliseconds from the request to each token, none before the one"
            f" in front of it, all within an hour, at most {MAX_TOKEN_TIMES}.",
        )
    times: list[float] = value
    return times


def _as_text(value: Any, field: str) -> tuple[str, int]:
    if isinstance(value, str):
        return value, 0 if value else 1
    if isinstance(value, bool | int | float):
        return orjson.dumps(value).decode(), 1
    refuse(field, f"Expected text, found {fields.kind_name(value)}.")
