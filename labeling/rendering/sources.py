"""The sources an answer rests on: numbered, quoted, linked, and never fetched."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit

MAX_SHOWN = 50
MAX_TITLE_CHARS = 300
MAX_QUOTE_CHARS = 20_000
MAX_URL_CHARS = 2_000
_WEB = re.compile(r"https?://[^\s\x00-\x20]+", re.IGNORECASE)


def sources_part(part: Mapping[str, Any]) -> str:
    """A `sources` part as a numbered list: `[1]` in the answer means the first of them."""
    listed = part.get("sources")
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        listed = []
    items = "".join(_source(one) for one in listed[:MAX_SHOWN] if isinstance(one, Mapping))
    if not items:
        return '<p class="muted">(no sources)</p>'
    more = len(listed) - MAX_SHOWN
    rest = f'<p class="muted">and {more} more</p>' if more > 0 else ""
    return f'<div class="sources"><p class="label">Sources</p><ol>{items}</ol>{rest}</div>'


def _source(source: Mapping[str, Any]) -> str:
    url = source.get("url")
    address = url if isinstance(url, str) and len(url) <= MAX_URL_CHARS else ""
    host = _host(address)
    title = _line(source.get("title")) or host or "Without a title"
    name = f"<bdi>{escape(title)}</bdi>"
    if host:
        name = (
            f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer nofollow">'
            f"{name}</a>"
        )
        if title != host:
            name += f' <span class="soft">{escape(host)}</span>'
    text = source.get("text")
    if not isinstance(text, str) or not text.strip():
        return f"<li>{name}</li>"
    quote = escape(text[:MAX_QUOTE_CHARS].replace("\0", "\ufffd"), quote=False)
    cut = "…" if len(text) > MAX_QUOTE_CHARS else ""
    return f'<li>{name}<blockquote dir="auto">{quote}{cut}</blockquote></li>'


def _line(value: Any) -> str:
    return " ".join(value.split())[:MAX_TITLE_CHARS] if isinstance(value, str) else ""


def _host(url: str) -> str:
    if not _WEB.fullmatch(url):
        return ""
    try:
        return (urlsplit(url).hostname or "")[:100]
    except ValueError:
        return ""
