"""A prompt's messages as a client may send them: turns, texts, and images of ours.

Nothing is fetched: an image that is not kept here is not sent, and the prompt is refused in words.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from labeling.clients.protocol import CompletionRequest, ErrorKind, ProviderError, SentImage

SYSTEM_ROLES = frozenset({"system", "developer"})
_DATA = re.compile(r"data:(image/[a-z0-9.+-]{1,40});base64,")
MAX_IMAGE_BYTES = 16 << 20
_GONE = "An image of the prompt is no longer kept here, or its file cannot be read."
# A name for answers that are bound to a schema; providers want one.
SCHEMA_NAME = "answer"


@dataclass(frozen=True)
class Turn:
    """What one side says until the other one does: texts and images, in order."""

    role: str
    parts: tuple[str | SentImage, ...]


def turns(request: CompletionRequest, *, api: str) -> tuple[str, list[Turn]]:
    """The system text, and the turns of user and assistant, of whom no one speaks twice in a row.

    For the APIs without a role for tools: a prompt with calls of tools is refused, in words that
    name `api`.
    """
    system: list[str] = [request.system] if request.system else []
    said: list[Turn] = []
    for message in request.messages:
        role = message.get("role")
        if role == "tool" or message.get("tool_calls"):
            refuse(
                f"The prompt holds calls of tools, which are not sent to {api}. "
                "Use an OpenAI-compatible endpoint for it."
            )
        parts = tuple(part for part in parts_of(message, request) if part != "")
        if role in SYSTEM_ROLES:
            if not request.system:
                system += [part for part in parts if isinstance(part, str)]
        elif not parts:
            continue
        elif said and said[-1].role == role:
            said[-1] = Turn(said[-1].role, said[-1].parts + parts)
        else:
            said.append(Turn("assistant" if role == "assistant" else "user", parts))
    if not said:
        refuse("The prompt has no text.")
    return "\n\n".join(system), said


def parts_of(message: Mapping[str, Any], request: CompletionRequest) -> list[str | SentImage]:
    """The texts and images of a message's content."""
    content = message.get("content")
    if isinstance(content, str) or content is None:
        return [content or ""]
    if not isinstance(content, Sequence):
        refuse("A message of the prompt has content of another form.")
    return [_part(part, request) for part in content]


def data_url(image: SentImage) -> str:
    """The image as an address that holds it."""
    return f"data:{image.media_type};base64,{base64(image)}"


def base64(image: SentImage) -> str:
    """The image's bytes as text; the prompt is refused where they cannot be read."""
    try:
        content = image.read()
    except OSError:
        refuse(_GONE)
    return b64encode(content).decode("ascii")


def _part(part: Any, request: CompletionRequest) -> str | SentImage:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    if kind == "image_url":
        return _image(part, request)
    if kind == "sources":
        return _sources(part.get("sources"))
    if kind in ("tool_call", "tool_result"):
        refuse(
            "The prompt holds calls of tools as parts of a message. "
            'Write them as "tool_calls" and as messages of the role "tool".'
        )
    refuse("A part of the prompt is neither text nor an image.")


def _image(part: Mapping[str, Any], request: CompletionRequest) -> SentImage:
    url = part.get("image_url")
    if isinstance(url, Mapping):
        url = url.get("url")
    url = url if isinstance(url, str) else ""
    if url in request.images:
        return request.images[url]
    if url.startswith("image:sha256-"):
        refuse(_GONE)
    if not (head := _DATA.match(url)):
        refuse(
            "The prompt names an image that is elsewhere, and nothing is fetched. "
            "Import it as a data: address."
        )
    if len(url) > 2 * MAX_IMAGE_BYTES:
        refuse("An image of the prompt is too large.")
    try:
        content = b64decode(url[head.end() :], validate=True)
    except (Base64Error, ValueError):
        raise ProviderError(ErrorKind.REFUSED, "An image of the prompt is no base64.") from None
    return SentImage(head.group(1), lambda: content, len(content))


def _sources(listed: Any) -> str:
    lines = ["Sources:"]
    for number, source in enumerate(listed if isinstance(listed, Sequence) else [], 1):
        if isinstance(source, Mapping):
            said = [source.get(name) for name in ("title", "url", "text")]
            lines.append(f"[{number}] " + "\n".join(one for one in said if isinstance(one, str)))
    return "\n\n".join(lines) if len(lines) > 1 else ""


def refuse(message: str) -> NoReturn:
    """The prompt or a setting cannot be sent in this provider's form."""
    raise ProviderError(ErrorKind.REFUSED, message)
