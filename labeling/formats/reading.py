"""Bytes to numbered lines and JSON objects, within stated limits and in bounded memory.

Every way a file can be broken ends in a problem that names the line, or, when the file as a whole
cannot be read, in one `UnreadableFileError`. Nothing here knows what a record means.
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, NoReturn, cast

import orjson
import zstandard

from labeling.errors import FieldProblem, InvalidInputError
from labeling.formats.fields import RowRefusedError, refuse, shown_key
from labeling.formats.rows import RowProblem

MIB = 1 << 20
BOM = b"\xef\xbb\xbf"
_KEY = re.compile(rb'"\s*:')
_NUMBER_LIMIT = 1 << 63
_DOUBTFUL = 1 << 40


@dataclass(frozen=True)
class Limits:
    """How much of a file is read at most. Stated in docs/OPERATIONS.md."""

    line_bytes: int = 8 * MIB
    file_bytes: int = 16 << 30
    line_count: int = 20_000_000
    depth: int = 32
    keys: int = 10_000


LIMITS = Limits()


@dataclass(frozen=True)
class Record:
    """One line of the file as an object."""

    line: int
    fields: dict[str, Any]
    # CSV has no types and no null: what a field means is up to its reader.
    is_csv: bool = False


class UnreadableFileError(InvalidInputError):
    """The file as a whole cannot be read; nothing of it is imported."""

    title = "The file cannot be read"

    def __init__(self, message: str, *, line: int = 1) -> None:
        super().__init__(message, problems=[FieldProblem(field="", message=message, line=line)])


class CountingReader(io.RawIOBase):
    """Counts the bytes read of a file, so that progress can be shown while it is decompressed."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.byte_count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        self.byte_count += len(data)
        return len(data)


class _ZstandardReader:
    """Reads the frames of a Zstandard file one after another; one cut short is an error.

    zstandard's own stream reader takes the end of a cut file for the end of its text.
    """

    # One byte of input may become 32 KiB of text, so input is fed in small pieces.
    PIECE = 1024

    def __init__(self, source: IO[bytes]) -> None:
        # A wide window (zstd --long) would be allocated whole before the first byte.
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=32 * MIB)
        self._source = source
        self._frame: Any = None
        self._text = io.BytesIO()

    def read(self, size: int) -> bytes:
        while not (text := self._text.read(size)):
            piece = self._source.read(self.PIECE)
            if not piece:
                if self._frame is not None:
                    raise EOFError("The last frame is not complete.")
                return b""
            parts = []
            while piece:
                self._frame = self._frame or self._decompressor.decompressobj()
                parts.append(self._frame.decompress(piece))
                piece = self._frame.unused_data if self._frame.eof else b""
                if self._frame.eof:
                    self._frame = None
            self._text = io.BytesIO(b"".join(parts))
        return text


class _Decompressed(io.RawIOBase):
    """What a compressed stream holds, with damage and bombs turned into one kind of error."""

    def __init__(self, source: Any, limit: int) -> None:
        self._source = source
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._source.read(len(buffer))
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            raise UnreadableFileError(
                "The file is damaged or cut short: it cannot be decompressed to its end."
            ) from error
        self._left -= len(data)
        if self._left < 0:
            raise UnreadableFileError("The file is larger than this server accepts; split it.")
        buffer[: len(data)] = data
        return len(data)


def open_stream(source: IO[bytes], limits: Limits = LIMITS) -> io.BufferedReader:
    """The plain bytes of a file that may be gzip or Zstandard, which its first bytes tell."""
    peeking = (
        source
        if isinstance(source, io.BufferedReader)
        else io.BufferedReader(CountingReader(source))
    )
    head = peeking.peek(4)[:4]
    plain: Any = peeking
    if head.startswith(b"\x1f\x8b"):
        plain = gzip.GzipFile(fileobj=cast(BinaryIO, peeking))
    elif head == b"\x28\xb5\x2f\xfd":
        plain = _ZstandardReader(peeking)
    elif head == b"PAR1":
        raise UnreadableFileError("This is a Parquet file; save it as JSONL or CSV.")
    elif head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in head[:2]:
        raise UnreadableFileError("The file is not UTF-8 (it looks like UTF-16); save it as UTF-8.")
    elif head == b"PK\x03\x04":
        raise UnreadableFileError("This is a zip archive; send the file in it, as .gz if you like.")
    return io.BufferedReader(_Decompressed(plain, limits.file_bytes), buffer_size=256 * 1024)


def numbered_lines(
    stream: io.BufferedReader, limits: Limits = LIMITS
) -> Iterator[tuple[int, bytes | None]]:
    """Each line with its number, line end included; None for a line over the limit.

    An oversized line is skipped in pieces: it is never in memory whole.
    """
    number = 0
    while line := stream.readline(limits.line_bytes + 1):
        number += 1
        if number > limits.line_count:
            raise UnreadableFileError(
                f"The file has more than {limits.line_count:,} lines; split it.",
                line=number,
            )
        if len(line) > limits.line_bytes and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = stream.readline(MIB)
            yield number, None
        elif number == 1 and line.startswith(BOM):
            yield number, line[len(BOM) :]
        else:
            yield number, line


def json_records(
    stream: io.BufferedReader, limits: Limits = LIMITS
) -> Iterator[Record | RowProblem]:
    """One object a line; blank lines are passed over."""
    for number, line in numbered_lines(stream, limits):
        if line is None:
            yield too_long(number, limits)
        elif line.strip():
            try:
                yield Record(number, parse_object(line, limits))
            except RowRefusedError as refused:
                yield RowProblem(number, refused.field, refused.message)


def too_long(number: int, limits: Limits) -> RowProblem:
    """The problem of a line over the limit."""
    return RowProblem(
        number,
        "",
        f"The line is longer than {limits.line_bytes:,} bytes; shorten or split it.",
    )


def parse_object(line: bytes, limits: Limits = LIMITS) -> dict[str, Any]:
    """The JSON object a line holds, if PostgreSQL can keep it and nothing in it is ambiguous."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        _explain(line, error)
    if not isinstance(value, dict):
        if line.lstrip().startswith(b"["):
            refuse(
                "",
                "Expected an object; write one object a line, not one list of them all.",
            )
        refuse("", 'Expected an object such as {"prompt": …}.')
    key_count = inspect(value, limits)
    # Every key is followed by a colon, so as many matches as keys means that none was lost.
    # More may be a colon after a quotation mark inside a text: only then is it worth a slow look.
    if len(_KEY.findall(line)) != key_count:
        _look_slowly(line)
    return value


def inspect(value: Any, limits: Limits, depth: int = 0) -> int:
    """The number of keys in a value; refuses NUL characters, deep nesting and too many keys.

    Numbers that may have lost digits make the count wrong on purpose: see `parse_object`.
    """
    kind = value.__class__
    if kind is str:
        if "\x00" in value:
            refuse("", "Holds the character U+0000, which cannot be stored; remove it.")
        return 0
    if kind is int or kind is float:
        return 0 if -_NUMBER_LIMIT < value < _NUMBER_LIMIT else _DOUBTFUL
    if kind is not dict and kind is not list:
        return 0
    if depth >= limits.depth:
        refuse("", f"Nested more than {limits.depth} deep.")
    if kind is dict and len(value) > limits.keys:
        refuse("", f"More than {limits.keys:,} keys.")
    count = len(value) if kind is dict else 0
    place: Any = ""
    try:
        if kind is dict:
            for place, item in value.items():
                if "\x00" in place:
                    refuse(
                        "",
                        "The key holds the character U+0000, which cannot be stored.",
                    )
                count += inspect(item, limits, depth + 1)
        else:
            for place, item in enumerate(value):  # noqa: B007 (told below, where it failed)
                count += inspect(item, limits, depth + 1)
    except RowRefusedError as refused:
        here = f"[{place}]" if kind is list else shown_key(place)
        dot = "." if refused.field and not refused.field.startswith("[") else ""
        raise RowRefusedError(f"{here}{dot}{refused.field}"[:200], refused.message) from None
    return count


def _look_slowly(line: bytes) -> None:
    """Refuse duplicate keys and integers that would lose digits; the line is known to be JSON."""

    def pairs(items: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in items:
            if key in seen:
                refuse(shown_key(key), "The key appears twice in one object; keep one.")
            seen.add(key)

    def integer(digits: str) -> None:
        if len(digits) > 20 or not -_NUMBER_LIMIT <= int(digits) < _NUMBER_LIMIT:
            refuse("", f"The number {digits[:20]}… is too large; write it as text.")

    try:
        json.loads(line, object_pairs_hook=pairs, parse_int=integer)
    except RecursionError:
        refuse("", "Nested too deep.")


def _explain(line: bytes, error: orjson.JSONDecodeError) -> NoReturn:
    """Refuse a line that is no JSON with the reason a person can act on."""
    try:
        line.decode()
    except UnicodeDecodeError as bad:
        refuse(
            "",
            f"Not valid UTF-8 at byte {bad.start + 1} of the line; save the file as UTF-8.",
        )
    reason = error.msg
    if "surrogate" in reason:
        refuse(
            "",
            r"Holds half of a surrogate pair (\ud800 to \udfff), which is no character.",
        )
    if "depth" in reason:
        refuse("", "Nested too deep.")
    if "infinity" in reason:
        refuse("", "A number in the line is too large.")
    if re.match(rb"\s*(NaN|-?Infinity)", line[error.pos : error.pos + 16]) or re.match(
        rb"-Infinity", line[max(0, error.pos - 1) : error.pos + 16]
    ):
        refuse("", "NaN and Infinity are no JSON; leave the value out.")
    if b"\x00" in line:
        refuse("", "Holds a NUL byte, which cannot be stored; remove it.")
    refuse("", f"Not JSON: {reason} at character {error.colno} of the line.")
