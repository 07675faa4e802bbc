"""Server-sent events out of bytes as they come, in time proportional to the bytes.

The form is WHATWG's, https://html.spec.whatwg.org/multipage/server-sent-events.html. An event whose
end has not come is none: a stream that is cut leaves nothing half read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from labeling.clients.protocol import ErrorKind, ProviderError

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Event:
    """One event: its name, "" where it has none, and its data."""

    name: str
    data: bytes


def events(pieces: Iterable[bytes], *, most_bytes: int) -> Iterator[Event]:
    """The events of a stream; one that is larger than `most_bytes` is refused."""
    name, data, size = "", [], 0
    for line in _lines(pieces, most_bytes):
        if line:
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
                size += len(value) + 1
                if size > most_bytes:
                    raise _too_large(most_bytes)
            elif field == b"event":
                name = value.decode("ascii", "replace")
            continue
        if data:
            yield Event(name, b"\n".join(data))
        name, data, size = "", [], 0


def _lines(pieces: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    """Whole lines without their ends, which are LF, CR LF or CR."""
    begun: list[bytes] = []
    size = 0
    mark = _BOM  # of the whole, so at the first line alone
    for piece in pieces:
        # A CR at the end may be half of a CR LF, so it waits for the next piece.
        if b"\n" not in piece and not (begun and begun[-1].endswith(b"\r")):
            inner = piece[:-1] if piece.endswith(b"\r") else piece
            if b"\r" not in inner:
                begun.append(piece)
                size += len(piece)
                if size > most_bytes:
                    raise _too_large(most_bytes)
                continue
        whole = b"".join((*begun, piece))
        lines = whole.splitlines(keepends=True)
        begun = [] if lines[-1].endswith(b"\n") else [lines.pop()]
        size = sum(map(len, begun))
        if size > most_bytes:
            raise _too_large(most_bytes)
        for line in lines:
            yield line.removeprefix(mark).rstrip(b"\r\n")
            mark = b""
    if begun and begun[-1].endswith(b"\r"):
        yield b"".join(begun).rstrip(b"\r")


def _too_large(most_bytes: int) -> ProviderError:
    return ProviderError(
        ErrorKind.TOO_LARGE, f"One piece of the answer is larger than {most_bytes:,} bytes."
    )
