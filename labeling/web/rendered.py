"""Conversations as HTML, rendered once: cached by their content and the renderer's version."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import orjson
from django.core.cache import cache

from labeling.rendering import RENDERER_VERSION
from labeling.rendering.markdown import render_markdown
from labeling.rendering.messages import Conversation, render_messages

KEEP_SECONDS = 7 * 24 * 3600


def conversations(messages: Sequence[Any]) -> list[Conversation]:
    """The message lists as conversations, in their order, with one look into the cache.

    The cache may be away or empty at any time: then the work is done again.
    """
    keys = [_key("talk", item) for item in messages]
    found: dict[str, Conversation] = cache.get_many(keys)
    made = {
        key: render_messages(item)
        for key, item in zip(keys, messages, strict=True)
        if key not in found
    }
    if made:
        cache.set_many(made, KEEP_SECONDS)
    return [found.get(key) or made[key] for key in keys]


def markdown(text: str) -> str:
    """The text as safe HTML."""
    key = _key("text", text)
    html: str | None = cache.get(key)
    if html is None:
        html = render_markdown(text)
        cache.set(key, html, KEEP_SECONDS)
    return html


def _key(kind: str, value: Any) -> str:
    digest = blake2b(orjson.dumps(value), digest_size=20).hexdigest()
    return f"html:{RENDERER_VERSION}:{kind}:{digest}"
