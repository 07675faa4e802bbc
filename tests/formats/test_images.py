"""WV-08: an image is what its bytes are, bounded before it is decoded, and kept as pixels alone."""

import struct
import zlib
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin

from labeling.formats.fields import RowRefusedError, messages
from labeling.formats.images import (
    MAX_BYTES,
    MAX_KEPT_SIDE,
    KeptImage,
    UnusableImageError,
    images_of,
    take_in,
)
from labeling.formats.rows import completion_row, prompt_row


def encoded(
    kind: str, size: tuple[int, int] = (40, 20), mode: str = "RGB", **more: object
) -> bytes:
    into = BytesIO()
    Image.new(mode, size, 120 if mode in {"L", "P"} else (200, 30, 40, 128)[: len(mode)]).save(
        into, kind, **more
    )
    return into.getvalue()


def address(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def kept(content: bytes) -> KeptImage:
    return take_in(address(content)).image


def gif() -> bytes:
    into = BytesIO()
    frames = [Image.new("P", (9, 7), n) for n in range(3)]
    frames[0].save(into, "GIF", save_all=True, append_images=frames[1:])
    return into.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type", "size"),
    [
        (encoded("PNG"), "image/png", (40, 20)),
        (encoded("PNG", mode="RGBA"), "image/png", (40, 20)),
        (encoded("PNG", mode="P"), "image/png", (40, 20)),
        (encoded("PNG", mode="L"), "image/png", (40, 20)),
        (encoded("JPEG"), "image/jpeg", (40, 20)),
        (encoded("JPEG", mode="CMYK"), "image/jpeg", (40, 20)),
        (encoded("WEBP"), "image/webp", (40, 20)),
        (gif(), "image/png", (9, 7)),
    ],
)
def test_each_kind_is_kept_as_what_it_is(
    content: bytes, media_type: str, size: tuple[int, int]
) -> None:
    image = kept(content)
    assert (image.media_type, image.width, image.height) == (media_type, *size)
    with Image.open(BytesIO(image.content)) as again:
        assert again.size == size
        assert Image.MIME[str(again.format)] == media_type


def test_the_content_decides_and_not_what_the_address_says() -> None:
    assert take_in(address(encoded("JPEG"), "image/png")).image.media_type == "image/jpeg"
    assert take_in(address(encoded("PNG"), "text/html")).image.media_type == "image/png"


def test_nothing_but_pixels_is_kept() -> None:
    exif = Image.Exif()
    exif[0x0110] = "zq-canary-camera"
    exif.get_ifd(0x8825)[1] = "N"
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "zq-canary-note")
    for content in (
        encoded("JPEG", exif=exif, comment=b"zq-canary-comment"),
        encoded("PNG", pnginfo=notes, exif=exif),
        encoded("WEBP", exif=exif),
        encoded("PNG") + b"<script>zq-canary()</script>",
        encoded("JPEG") + b"PK\x03\x04 zq-canary-zip",
    ):
        assert b"zq-canary" in content
        image = kept(content)
        assert b"zq-canary" not in image.content
        with Image.open(BytesIO(image.content)) as again:
            assert not again.getexif()
            assert not {"comment", "Comment", "icc_profile"} & set(again.info)


def test_a_photo_stands_upright_without_its_notes() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = kept(encoded("JPEG", (40, 20), exif=exif))
    assert (image.width, image.height) == (20, 40)


def test_a_large_image_is_made_smaller() -> None:
    image = kept(encoded("PNG", (MAX_KEPT_SIDE * 2, 10), mode="L"))
    assert (image.width, image.height) == (MAX_KEPT_SIDE, 5)


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims to be of this size, in a few hundred bytes."""

    def piece(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 10_000)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + piece(b"IHDR", head) + piece(b"IDAT", body) + piece(b"IEND", b"")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
REFUSED: dict[str, Callable[[], str]] = {
    "an SVG": lambda: address(SVG, "image/svg+xml"),
    "an SVG as PNG": lambda: address(SVG),
    "HTML named PNG": lambda: address(b"<html><script>alert(1)</script>"),
    "a script that begins like a GIF": lambda: address(b"GIF89a/*" + b"x" * 50 + b"*/=alert(1)"),
    "a bomb": lambda: address(bomb(50_000, 50_000)),
    "a wide bomb": lambda: address(bomb(2_000_000, 2)),
    "a TIFF": lambda: address(encoded("TIFF")),
    "half an image": lambda: address(encoded("JPEG", (300, 300))[:400]),
    "nothing": lambda: address(b""),
    "no base64": lambda: "data:image/png;base64,!!!!",
    "no comma": lambda: "data:image/png",
    "too many bytes": lambda: address(encoded("PNG") + b"\0" * MAX_BYTES),
    "far too many": lambda: "data:image/png;base64," + "A" * (3 * MAX_BYTES),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_image_of_ours_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(UnusableImageError) as told:
        take_in(REFUSED[name]())
    assert str(told.value).endswith((".", "… ."))


def test_a_row_with_such_an_image_is_refused_by_its_field() -> None:
    part = {"type": "image_url", "image_url": {"url": REFUSED["a bomb"]()}}
    with pytest.raises(RowRefusedError) as told:
        messages([{"role": "user", "content": [part]}], "prompt")
    assert told.value.field == "prompt[0].content[0].image_url"
    assert "25,000,000 pixels" in told.value.message


def test_the_message_keeps_a_reference_that_depends_on_the_bytes_alone() -> None:
    content = encoded("PNG")
    rows = []
    for url in (address(content), address(content, "image/x-anything")):
        part = {"type": "image_url", "image_url": {"url": url, "detail": "low"}, "alt": "A"}
        read = messages([{"role": "user", "content": [part]}], "prompt")
        rows.append(completion_row(messages=read, model=None))
        assert images_of(read)[0].width == 40
    assert rows[0].content_hash == rows[1].content_hash
    assert b'"url":"image:sha256-' in (rows[0].messages or b"")
    assert b"base64" not in (rows[0].messages or b"")
    assert [image.height for image in rows[0].images] == [20]


def test_an_address_as_plain_text_and_a_remote_one() -> None:
    plain = {"type": "image_url", "image_url": address(encoded("PNG"))}
    remote = {"type": "image_url", "image_url": {"url": "https://elsewhere.example/a.png"}}
    read = messages([{"role": "user", "content": [plain, plain, remote]}], "prompt")
    row = prompt_row(line=1, external_id=None, messages=read)
    assert len(row.images) == 1
    assert b"https://elsewhere.example/a.png" in (row.messages or b"")


@pytest.mark.parametrize(
    ("sources", "field"),
    [
        (None, "prompt[0].content[0].sources"),
        ([7], "prompt[0].content[0].sources[0]"),
        ([{"title": 7}], "prompt[0].content[0].sources[0].title"),
        ([{"href": "x"}], "prompt[0].content[0].sources[0].href"),
    ],
)
def test_sources_are_checked(sources: object, field: str) -> None:
    part = {"type": "sources", "sources": sources}
    with pytest.raises(RowRefusedError) as told:
        messages([{"role": "user", "content": [part]}], "prompt")
    assert told.value.field == field
