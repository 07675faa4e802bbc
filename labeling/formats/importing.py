"""Any accepted file as normal rows: which layouts there are, and what reads each."""

import io
from collections.abc import Callable, Iterator
from typing import IO

from labeling.formats import hh, llmfao, native, trl
from labeling.formats.csv_reading import csv_records
from labeling.formats.fields import RowRefusedError
from labeling.formats.reading import BOM, LIMITS, Limits, Record, json_records, open_stream
from labeling.formats.rows import Row, RowProblem

KINDS = native.KINDS
READERS: dict[str, Callable[[Record, str], Iterator[Row]]] = {
    "native": native.read,
    "llmfao": llmfao.read,
    "hh": hh.read,
    "trl": trl.read,
}
LAYOUTS = tuple(READERS)
# Every file we read has one of these columns; a JSON object between commas never equals one.
CSV_HEADER_NAMES = frozenset(
    {
        b"prompt",
        b"messages",
        b"prompt_id",
        b"comparison_id",
        b"completion_a",
        b"chosen",
        b"rejected",
    }
)


def read_rows(
    source: IO[bytes], *, kind: str, layout: str = "native", limits: Limits = LIMITS
) -> Iterator[Row | RowProblem]:
    """Every row of the file, and a problem for each line that is none.

    A record that makes several rows makes all of them or none. Raises `UnreadableFileError` when
    the file as a whole cannot be read.
    """
    read = READERS[layout]
    for record in records(open_stream(source, limits), limits):
        if isinstance(record, RowProblem):
            yield record
            continue
        try:
            rows = list(read(record, kind))
        except RowRefusedError as refused:
            yield RowProblem(record.line, refused.field, refused.message)
        else:
            yield from rows


def records(stream: io.BufferedReader, limits: Limits = LIMITS) -> Iterator[Record | RowProblem]:
    """The records of a JSONL or CSV file; it is CSV if its first line names a column we know."""
    header = stream.peek(4096).removeprefix(BOM).split(b"\n", 1)[0]
    names = {name.strip(b' "\r') for name in header.split(b",")}
    return csv_records(stream, limits) if names & CSV_HEADER_NAMES else json_records(stream, limits)
