"""Images in a text: ours take their place when a page is made, others are named and not loaded.

A request to a foreign host would tell it who judged what and when; so none is made.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlsplit

# What stands in a message for an image that was taken in: its address names the bytes it came as.
REFERENCE = re.compile(r"image:sha256-([0-9a-f]{64})")
MAX_ALT_CHARS = 500
MAX_HOST_CHARS = 100
_SLOT = re.compile(r'<img data-image="([0-9a-f]{64})" alt="([^"]*)">')


@dataclass(frozen=True)
class Picture:
    """Where an image of ours is served, and its size in pixels, known before it is loaded."""

    address: str
    width: int
    height: int


def image_address(part: Mapping[str, Any]) -> str:
    """The address of an `image_url` part, in OpenAI's form or as plain text; "" without one."""
    url = part.get("image_url")
    if isinstance(url, Mapping):
        url = url.get("url")
    return url if isinstance(url, str) else ""


def image_words(part: Mapping[str, Any]) -> str:
    """What a part says about its image for those who do not see it."""
    for key in ("alt", "detail_text"):
        if isinstance(part.get(key), str):
            return " ".join(str(part[key]).split())[:MAX_ALT_CHARS]
    return ""


def named_image(alt: str, url: str) -> str:
    """Stands for an image that is not loaded: its words and the host it would come from."""
    host = _host(url)
    where = f" at {escape(host)}, not loaded" if host else ""
    words = f": {escape(alt)}" if alt.strip() else ""
    return f'<span class="image">[image{where}{words}]</span>'


def image_part(part: Mapping[str, Any]) -> str:
    """The part as a figure whose image `placed` fills in, or as its name."""
    alt, url = image_words(part), image_address(part)
    if ours := REFERENCE.fullmatch(url):
        image = f'<img data-image="{ours.group(1)}" alt="{escape(alt or "Image")}">'
        return f'<figure class="picture">{image}</figure>'
    return f'<p dir="auto">{named_image(alt, url)}</p>'


def images_in(html: str) -> tuple[str, ...]:
    """The hashes of the images that the rendered `html` has a place for."""
    return tuple(match.group(1) for match in _SLOT.finditer(html)) if "data-image" in html else ()


def placed(html: str, pictures: Mapping[str, Picture]) -> str:
    """`html` with its images, each of a size that is known before it loads; others are named."""

    def fill(match: re.Match[str]) -> str:
        picture, alt = pictures.get(match.group(1)), match.group(2)
        if picture is None:
            return f'<span class="image">[image: {alt}, not kept here]</span>'
        return (
            f'<img src="{escape(picture.address)}" alt="{alt}" width="{picture.width}"'
            f' height="{picture.height}" decoding="async">'
        )

    return _SLOT.sub(fill, html) if "data-image" in html else html


def _host(url: str) -> str:
    try:
        split = urlsplit(url)
        host = split.hostname if split.scheme in ("http", "https", "") else None
    except ValueError:
        return ""
    return (host or "")[:MAX_HOST_CHARS]
