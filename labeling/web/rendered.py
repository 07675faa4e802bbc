"""Conversations as HTML, rendered once: cached by their content and the renderer's version."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import orjson
from django.core.cache import cache
from django.urls import reverse

from labeling import access
from labeling.models import Campaign, User
from labeling.queries.images import kept_images
from labeling.rendering import RENDERER_VERSION
from labeling.rendering.markdown import render_markdown
from labeling.rendering.messages import Conversation, render_messages
from labeling.rendering.pictures import Picture

KEEP_SECONDS = 7 * 24 * 3600
# A browser may show an image again for this long without asking.
IMAGE_CACHE_SECONDS = 600


def conversations(
    messages: Sequence[Any], *, campaign: Campaign, viewer: User
) -> list[Conversation]:
    """The message lists as conversations, in their order, with one look into the cache.

    The cache may be away or empty at any time: then the work is done again. Images come in after
    it, at addresses that are the viewer's own.
    """
    rendered = _rendered(messages)
    kept = kept_images(campaign, (image for one in rendered for image in one.images))
    pictures = {
        name: Picture(
            reverse("image", args=[access.image_pass(image, viewer)]), image.width, image.height
        )
        for name, image in kept.items()
    }
    return [one.with_images(pictures) for one in rendered]


def _rendered(messages: Sequence[Any]) -> list[Conversation]:
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
