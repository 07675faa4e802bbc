"""Events come out the same wherever the wire cuts them, and never half."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.clients.event_stream import Event, events
from labeling.clients.protocol import ErrorKind, ProviderError


def read(*pieces: bytes, most_bytes: int = 1000) -> list[Event]:
    return list(events(pieces, most_bytes=most_bytes))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_in_every_form_of_a_line(end: bytes) -> None:
    lines = [b"\xef\xbb\xbfdata: a", b"", b": a comment", b"event: ping", b"", b"event:x"]
    lines += [
        b"data:b",
        b"data: \xe6\x97\xa5",
        b"id: 7",
        b"retry: 3",
        b"other",
        b"",
        b"data",
        b"",
        b"",
    ]
    assert read(end.join(lines)) == [
        Event("", b"a"),
        Event("x", b"b\n\xe6\x97\xa5"),
        Event("", b""),
    ]


WHOLE = "data: 日本\r\n\r\nevent: e\rdata: b\r\r: c\n\ndata: x\ndata: y\n\ndata: half".encode()
EVENTS = [Event("", "日本".encode()), Event("e", b"b"), Event("", b"x\ny")]


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_cuts_on_the_wire_change_nothing(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(WHOLE)]
    assert read(*(WHOLE[a:b] for a, b in itertools.pairwise(ends))) == EVENTS
    assert read(*(bytes([byte]) for byte in WHOLE)) == EVENTS


@given(st.integers(0, len(WHOLE)))
def test_what_is_cut_off_leaves_no_half_event(end: int) -> None:
    got = read(WHOLE[:end])
    assert got == EVENTS[: len(got)]


@pytest.mark.parametrize(
    "pieces",
    [[b"data: " + b"x" * 2000], [b"x" * 600] * 4, [b"data: " + b"x" * 90 + b"\n"] * 40],
)
def test_an_event_beyond_the_limit_is_refused(pieces: list[bytes]) -> None:
    with pytest.raises(ProviderError) as caught:
        read(*pieces)
    assert caught.value.kind == ErrorKind.TOO_LARGE


def test_a_long_line_in_tiny_pieces_takes_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        begun = time.process_time()
        assert read(b"data: ", *[b"x"] * count, b"\n\n", most_bytes=1 << 30)
        return time.process_time() - begun

    seconds(1000)
    assert seconds(200_000) < 40 * max(seconds(20_000), 0.002)
