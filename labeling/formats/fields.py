"""Checked reading of a row's fields: each function returns the value or refuses the row by name."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar, cast

from labeling.formats.images import UnusableImageError, is_data_address, take_in
from labeling.formats.rows import Message

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
MESSAGE_KEYS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id"})
PART_TYPES = frozenset({"text", "image_url", "tool_call", "tool_result", "sources"})
MAX_SOURCES = 200
SOURCE_KEYS = frozenset({"title", "url", "text"})
MAX_ID_CHARS = 512
MAX_TAGS = 100
MAX_SHOWN_KEY_CHARS = 100

Choice = TypeVar("Choice", bound=str)


class RowRefusedError(Exception):
    """A row that cannot be used: the field, and what to do about it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def refuse(field: str, message: str) -> NoReturn:
    """Give up on the row."""
    raise RowRefusedError(field, message)


def shown_key(key: str) -> str:
    """A caller's key as it may be shown and stored: short, and without control characters."""
    cut = key[:MAX_SHOWN_KEY_CHARS]
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)


def kind_name(value: Any) -> str:
    """What JSON calls the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"


def only_keys(row: Mapping[str, Any], known: frozenset[str], *, within: str = "") -> None:
    """Refuse a key nobody would read: a misspelt one would lose data without a word."""
    if row.keys() <= known:
        return
    key = next(key for key in row if key not in known)
    field = f"{within}.{shown_key(key)}" if within else shown_key(key)
    advice = 'put data of your own under "metadata"; ' if "metadata" in known else ""
    refuse(field, f"Unknown key: {advice}known here are {', '.join(sorted(known))}.")


def text(value: Any, field: str, *, max_chars: int | None = None) -> str:
    """A string."""
    if not isinstance(value, str):
        refuse(field, f"Expected text, found {kind_name(value)}.")
    if max_chars is not None and len(value) > max_chars:
        refuse(field, f"At most {max_chars:,} characters; this has {len(value):,}.")
    return value


def optional_text(value: Any, field: str, *, max_chars: int | None = None) -> str | None:
    """A string, or None where nothing was given."""
    return None if value is None else text(value, field, max_chars=max_chars)


def optional_id(value: Any, field: str) -> str | None:
    """The caller's own id: text or a whole number, never empty."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        refuse(field, f"An id is text or a whole number, not {kind_name(value)}.")
    if not value or len(value) > MAX_ID_CHARS:
        refuse(
            field,
            f"An id has 1 to {MAX_ID_CHARS} characters; leave the key out for none.",
        )
    return value


def choice(value: Any, field: str, choices: Collection[Choice]) -> Choice:
    """One of a few words, exactly as written."""
    if not isinstance(value, str) or value not in choices:
        found = f'"{shown_key(value)}"' if isinstance(value, str) else kind_name(value)
        refuse(field, f"Write one of {', '.join(choices)}; found {found}.")
    return cast(Choice, value)


def optional_integer(value: Any, field: str, *, low: int, high: int) -> int | None:
    """A whole number within bounds, or None."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        refuse(field, f"Expected a whole number from {low} to {high}.")
    return value


def boolean(value: Any, field: str) -> bool:
    """True or false; nothing given is false."""
    if value is None:
        return False
    if not isinstance(value, bool):
        refuse(field, f"Expected true or false, found {kind_name(value)}.")
    return value


def mapping(value: Any, field: str) -> dict[str, Any]:
    """An object; nothing given is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        refuse(field, f"Expected an object, found {kind_name(value)}.")
    return value


def text_mapping(value: Any, field: str, choices: Collection[str] | None = None) -> dict[str, str]:
    """An object whose values are text, or one of a few words."""
    result = mapping(value, field)
    for key, item in result.items():
        where = f"{field}.{shown_key(key)}"
        if choices is None:
            text(item, where, max_chars=200)
        else:
            choice(item, where, choices)
    return result


def tags(value: Any, field: str) -> tuple[str, ...]:
    """Short words, in the caller's order."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_TAGS:
        refuse(field, f"Expected a list of at most {MAX_TAGS} texts.")
    return tuple(text(tag, f"{field}[{i}]", max_chars=100) for i, tag in enumerate(value))


def optional_moment(value: Any, field: str) -> datetime | None:
    """A moment in ISO 8601; without an offset it is UTC."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        refuse(field, "Expected a moment in ISO 8601, such as 2026-01-31T12:00:00Z.")


def messages(value: Any, field: str) -> list[Message]:
    """A conversation: a list of messages with a role and content, in one normal form."""
    if not isinstance(value, list):
        refuse(
            field,
            f'Expected a list of {{"role", "content"}}, found {kind_name(value)}.',
        )
    if not value:
        refuse(field, "The list of messages is empty.")
    return [_message(message, f"{field}[{i}]") for i, message in enumerate(value)]


def _message(value: Any, field: str) -> Message:
    if not isinstance(value, dict):
        refuse(field, f'Expected {{"role", "content"}}, found {kind_name(value)}.')
    only_keys(value, MESSAGE_KEYS, within=field)
    choice(value.get("role"), f"{field}.role", sorted(ROLES))
    result = {key: item for key, item in value.items() if item is not None}
    content = value.get("content")
    if content is None and value.get("tool_calls"):
        # A turn that only calls a tool says nothing; OpenAI's API writes that as null.
        result["content"] = ""
    elif isinstance(content, list):
        result["content"] = [_part(part, f"{field}.content[{i}]") for i, part in enumerate(content)]
    elif not isinstance(content, str):
        refuse(
            f"{field}.content",
            f"Expected text or a list of parts, found {kind_name(content)}.",
        )
    for key in ("name", "tool_call_id"):
        if key in result:
            text(result[key], f"{field}.{key}", max_chars=200)
    if "tool_calls" in result and not isinstance(result["tool_calls"], list):
        refuse(f"{field}.tool_calls", "Expected a list.")
    return result


def _part(value: Any, field: str) -> Message:
    if not isinstance(value, dict):
        refuse(field, f'Expected {{"type": …}}, found {kind_name(value)}.')
    kind = choice(value.get("type"), f"{field}.type", sorted(PART_TYPES))
    if kind == "text":
        text(value.get("text"), f"{field}.text")
    elif "text" in value:
        text(value["text"], f"{field}.text")
    if kind == "image_url":
        return _image(value, field)
    if kind == "sources":
        _sources(value.get("sources"), f"{field}.sources")
    return value


def _image(part: Message, field: str) -> Message:
    """The part, with an image that it holds taken out of its address."""
    url = part.get("image_url")
    inner = url.get("url") if isinstance(url, dict) else url
    if not isinstance(inner, str) or not is_data_address(inner):
        return part
    try:
        reference = take_in(inner)
    except UnusableImageError as error:
        refuse(f"{field}.image_url", str(error))
    return {**part, "image_url": {**url, "url": reference} if isinstance(url, dict) else reference}


def _sources(value: Any, field: str) -> None:
    if not isinstance(value, list) or len(value) > MAX_SOURCES:
        refuse(field, f'Expected a list of at most {MAX_SOURCES} {{"title", "url", "text"}}.')
    for i, source in enumerate(value):
        where = f"{field}[{i}]"
        if not isinstance(source, dict):
            refuse(where, f'Expected {{"title", "url", "text"}}, found {kind_name(source)}.')
        only_keys(source, SOURCE_KEYS, within=where)
        for key, item in source.items():
            optional_text(item, f"{where}.{key}")
