"""Images that rows bring as `data:` addresses: decoded, bounded, and encoded anew.

What kind of image it is, its own bytes say; what the row says of it is not believed. Encoding it
anew leaves its pixels and nothing else: no position of a camera, no second file behind the first.
"""

import binascii
import re
from base64 import b64decode
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from msgspec import Struct
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 8 * 1024 * 1024
# Asked before a pixel is decoded: 25 million of them take 100 MB.
MAX_PIXELS = 25_000_000
MAX_SIDE = 12_000
# Larger ones are made smaller: no screen shows more at once.
MAX_KEPT_SIDE = 4_096
# The formats that are read, and what each is kept as. Of one that moves, the first picture.
KEPT_AS = {"PNG": "PNG", "GIF": "PNG", "JPEG": "JPEG", "WEBP": "WEBP"}
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}

_DATA = re.compile(r"data:[^,]{0,200}?(;base64)?,", re.IGNORECASE)


class UnusableImageError(ValueError):
    """Not an image we keep; the message says why and what to do."""


class KeptImage(Struct, frozen=True):
    """An image as it is kept: named by the bytes it came as, and encoded anew."""

    source_hash: bytes
    content: bytes
    media_type: str
    width: int
    height: int


class ImageReference(str):
    """What stands in a message for an image. It carries the image until that is stored."""

    __slots__ = ("image",)
    image: KeptImage


def is_data_address(url: str) -> bool:
    """Whether the address holds the image itself."""
    return url[:5].lower() == "data:"


def take_in(url: str) -> ImageReference:
    """The reference that replaces a `data:` address, with the image; or UnusableImageError."""
    source = _decoded(url)
    digest = sha256(source).digest()
    reference = ImageReference(f"image:sha256-{digest.hex()}")
    reference.image = _kept(source, digest)
    return reference


def images_of(messages: list[dict[str, Any]]) -> tuple[KeptImage, ...]:
    """The images that the messages brought along, each once."""
    found: dict[bytes, KeptImage] = {}
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            url = part.get("image_url")
            url = url.get("url") if isinstance(url, dict) else url
            if isinstance(url, ImageReference):
                found[url.image.source_hash] = url.image
    return tuple(found.values())


def _decoded(url: str) -> bytes:
    if not (head := _DATA.match(url)):
        _refuse("Expected data:image/png;base64,… .")
    body = url[head.end() :]
    # Of four characters, three bytes: a body that is far too long is not decoded.
    if len(body) > 2 * MAX_BYTES:
        _refuse(f"An image has at most {MAX_BYTES:,} bytes.")
    try:
        source = b64decode(body, validate=True) if head.group(1) else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        _refuse("The address is not base64.")
    if len(source) > MAX_BYTES:
        _refuse(f"An image has at most {MAX_BYTES:,} bytes; this has {len(source):,}.")
    return source


# The same image stands in row after row: a prompt's, for each of its pairs.
@lru_cache(maxsize=8)
def _kept(source: bytes, digest: bytes) -> KeptImage:
    try:
        with Image.open(BytesIO(source), formats=tuple(KEPT_AS)) as opened:
            width, height = opened.size
            if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
                _refuse(
                    f"An image has at most {MAX_PIXELS:,} pixels and {MAX_SIDE:,} a side; this"
                    f" has {width:,} × {height:,}."
                )
            kind = KEPT_AS[str(opened.format)]
            picture = _pixels(opened, kind)
            return _encoded(picture, kind, digest)
    except UnidentifiedImageError:
        _refuse("Not an image we know: send PNG, JPEG, WebP or GIF.")
    except UnusableImageError:
        raise
    except Image.DecompressionBombError:
        _refuse(f"An image has at most {MAX_PIXELS:,} pixels.")
    # Decoders of damaged files raise many kinds of errors.
    except Exception:
        _refuse("The image is damaged: it cannot be decoded.")


def _pixels(opened: Image.Image, kind: str) -> Image.Image:
    """The first picture, upright, in colours every browser shows, no larger than is kept."""
    opened.load()
    upright = ImageOps.exif_transpose(opened)
    has_alpha = upright.has_transparency_data and kind != "JPEG"
    picture = upright.convert("RGBA" if has_alpha else "RGB")
    picture.thumbnail((MAX_KEPT_SIDE, MAX_KEPT_SIDE))
    # A new image, so that nothing of the old one's notes comes along.
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    return clean


def _encoded(picture: Image.Image, kind: str, digest: bytes) -> KeptImage:
    into = BytesIO()
    settings: dict[str, Any] = {"PNG": {}, "JPEG": {"quality": 92}, "WEBP": {"quality": 92}}[kind]
    picture.save(into, kind, **settings)
    return KeptImage(digest, into.getvalue(), MEDIA_TYPES[kind], *picture.size)


def _refuse(message: str) -> NoReturn:
    raise UnusableImageError(message)
