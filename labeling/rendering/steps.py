"""What agents do between words: calls of tools and their results, as steps that open on demand.

A step's head says enough to tell two apart while both are closed: the tool, and the first words.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

MAX_NAME_CHARS = 80
MAX_HEAD_CHARS = 120
# Arguments come as JSON in a text: longer ones are shown as written.
MAX_PRETTY_CHARS = 50_000


def tool_call(call: Mapping[str, Any]) -> str:
    """A call, in OpenAI's form (`function` with `name` and `arguments`) or flat."""
    function = call.get("function")
    inner = function if isinstance(function, Mapping) else call
    name = str(inner.get("name") or "")[:MAX_NAME_CHARS]
    return folded("Tool call", name, _first(inner, "arguments", "input", "args"))


def tool_result(result: Mapping[str, Any], name: str = "") -> str:
    """What a tool gave back."""
    name = name or str(result.get("name") or "")[:MAX_NAME_CHARS]
    return folded("Tool result", name, _first(result, "content", "output", "result", "text"))


def message_calls(message: Mapping[str, Any]) -> Iterator[str]:
    """The `tool_calls` that a message carries beside its content, one step each."""
    calls = message.get("tool_calls")
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        return
    for call in calls:
        yield tool_call(call) if isinstance(call, Mapping) else folded("Tool call", "", call)


def call_names(messages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The tool's name by the id of its call, for results that name only the id."""
    names: dict[str, str] = {}
    for message in messages:
        calls = message.get("tool_calls")
        parts = message.get("content")
        for listed in (calls, parts):
            if not isinstance(listed, Sequence) or isinstance(listed, str):
                continue
            for call in listed:
                if isinstance(call, Mapping) and isinstance(call.get("id"), str):
                    function = call.get("function")
                    inner = function if isinstance(function, Mapping) else call
                    if isinstance(inner.get("name"), str):
                        names[call["id"]] = inner["name"][:MAX_NAME_CHARS]
    return names


def folded(kind: str, name: str, value: Any) -> str:
    """A step that opens on demand: its inside is shown as written, never as Markdown."""
    text = value if isinstance(value, str) else _written(value)
    text = _pretty(text).replace("\0", "\ufffd")
    label = escape(f"{kind} {name}".rstrip())
    title = escape(kind) + (f" <code>{escape(name)}</code>" if name else "")
    head = " ".join(text[: 4 * MAX_HEAD_CHARS].split())
    if len(head) > MAX_HEAD_CHARS:
        head = f"{head[: MAX_HEAD_CHARS - 1]}…"
    said = f'<span class="head" dir="auto">{escape(head, quote=False)}</span>' if head else ""
    body = escape(text, quote=False)
    return (
        f'<details class="tool"><summary>{title}{said}</summary>'
        f'<div class="code"><pre dir="auto" tabindex="0" role="region" aria-label="{label}">{body}'
        "</pre></div></details>"
    )


def _first(part: Mapping[str, Any], *names: str) -> Any:
    return next((part[name] for name in names if part.get(name) is not None), dict(part))


def _written(value: Any) -> str:
    plain = json.dumps(value, ensure_ascii=False)
    return _within(json.dumps(value, ensure_ascii=False, indent=2), plain)


def _within(indented: str, plain: str) -> str:
    """The indented text, unless its indents are most of it."""
    return indented if len(indented) <= 4 * len(plain) + 1_000 else plain


class _RepeatedKeyError(ValueError):
    """An object that says a key twice: parsed, one of the two would be gone."""


def _pretty(text: str) -> str:
    """JSON in a text, indented; the text as written where that would change what it says."""
    if text[:1] not in ("{", "[") or len(text) > MAX_PRETTY_CHARS or "\n" in text:
        return text
    try:
        # Numbers stay as they are written: 1.0 and 1e400 too.
        value = json.loads(text, object_pairs_hook=_object, parse_float=_Number, parse_int=_Number)
        return _within(_indented(value, 0), text)
    except (ValueError, RecursionError):
        return text


class _Number(str):
    """A number as it was written."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _RepeatedKeyError
    return made


def _indented(value: Any, depth: int) -> str:
    pad = "  " * (depth + 1)
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict) and value:
        inner = ",\n".join(
            f"{pad}{json.dumps(key, ensure_ascii=False)}: {_indented(item, depth + 1)}"
            for key, item in value.items()
        )
        return f"{{\n{inner}\n{'  ' * depth}}}"
    if isinstance(value, list) and value:
        inner = ",\n".join(f"{pad}{_indented(item, depth + 1)}" for item in value)
        return f"[\n{inner}\n{'  ' * depth}]"
    return json.dumps(value, ensure_ascii=False)
