"""CSV to numbered records, and their cells to the types of the columns."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from labeling.formats.fields import RowRefusedError, refuse, shown_key
from labeling.formats.reading import (
    LIMITS,
    Limits,
    Record,
    UnreadableFileError,
    inspect,
    numbered_lines,
    too_long,
)
from labeling.formats.rows import RowProblem


def csv_records(
    stream: io.BufferedReader, limits: Limits = LIMITS
) -> Iterator[Record | RowProblem]:
    """One record a row of a CSV file with a header; a quoted field may span lines.

    A record's line is the one it begins on. Cells stay text: see `Record.is_csv`.
    """
    source = _CsvLines(stream, limits)
    # The module's own limit is one for the whole process and lower than ours.
    csv.field_size_limit(max(csv.field_size_limit(), limits.line_bytes))
    reader = csv.reader(source, strict=True)
    header: list[str] | None = None
    while True:
        source.begin_record()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield RowProblem(source.first_line, "", f"Not CSV: {error}.")
            if header is None:
                raise UnreadableFileError(f"The header is not CSV: {error}.") from error
            continue
        except _RecordTooLongError:
            yield too_long(source.first_line, limits)
            # The reader is in the middle of a quoted field: begin afresh on the next line.
            reader = csv.reader(source, strict=True)
            continue
        if cells is None:
            return
        if source.problem:
            yield source.problem
        elif header is None:
            header = _header(cells, source.first_line)
        elif cells:
            yield _csv_record(source.first_line, header, cells, limits)


def _header(cells: list[str], line: int) -> list[str]:
    for i, name in enumerate(cells):
        if not name or "\x00" in name or name in cells[:i]:
            raise UnreadableFileError(
                f'Column {i + 1} of the header ("{shown_key(name)}") is empty or appears twice.',
                line=line,
            )
    return cells


def _csv_record(
    line: int, header: list[str], cells: list[str], limits: Limits
) -> Record | RowProblem:
    if len(cells) != len(header):
        return RowProblem(
            line,
            "",
            f"The row has {len(cells)} cells, the header {len(header)} columns.",
        )
    fields = dict(zip(header, cells, strict=True))
    try:
        inspect(fields, limits)
    except RowRefusedError as refused:
        return RowProblem(line, refused.field, refused.message)
    return Record(line, fields, is_csv=True)


class _RecordTooLongError(Exception):
    pass


class _CsvLines:
    """The text lines csv.reader asks for, with the first problem of the record they belong to."""

    def __init__(self, stream: io.BufferedReader, limits: Limits) -> None:
        self._limits = limits
        self._lines = numbered_lines(stream, limits)
        self._next_line = 1
        self.begin_record()

    def begin_record(self) -> None:
        """From here on lines belong to a new record."""
        self.first_line = self._next_line
        self._byte_count = 0
        self.problem: RowProblem | None = None

    def __iter__(self) -> "_CsvLines":
        return self

    def __next__(self) -> str:
        number, line = next(self._lines)
        self._next_line = number + 1
        if line is None:
            raise _RecordTooLongError
        self._byte_count += len(line)
        if self._byte_count > self._limits.line_bytes:
            raise _RecordTooLongError
        try:
            return line.decode()
        except UnicodeDecodeError as bad:
            self.problem = self.problem or RowProblem(
                number, "", f"Not valid UTF-8 at byte {bad.start + 1} of the line."
            )
            return line.decode(errors="replace")


def csv_typed(
    record: Record, columns: Mapping[str, str], *, default: str = "text"
) -> dict[str, Any]:
    """The fields of a CSV record in JSON's types, by what each column holds.

    An empty cell is a value not given, except in a column of kind `answer`.
    """
    result: dict[str, Any] = {}
    for name, cell in record.fields.items():
        kind = columns.get(name, default)
        if kind == "answer" or cell:
            result[name] = _CELL_READERS.get(kind, _as_text)(cell, name)
    return result


def _as_text(cell: str, field: str) -> str:
    return cell


def _as_json(cell: str, field: str) -> Any:
    try:
        value = orjson.loads(cell)
    except orjson.JSONDecodeError:
        refuse(field, "The cell holds a list or an object, written as JSON.")
    _inspect_cell(value, field)
    return value


def _inspect_cell(value: Any, field: str) -> None:
    try:
        inspect(value, LIMITS)
    except RowRefusedError as refused:
        refuse(field, refused.message)


def _as_number(cell: str, field: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        refuse(field, "Expected a number.")
    if not abs(value) < 1e15:
        refuse(field, "Expected a number of ordinary size.")
    return value


def _as_boolean(cell: str, field: str) -> bool:
    word = cell.lower()
    if word not in ("true", "false", "1", "0"):
        refuse(field, "Write true or false.")
    return word in ("true", "1")


def _as_text_or_messages(cell: str, field: str) -> Any:
    """A conversation where the cell is one, written as JSON; any other text is itself."""
    if cell.startswith('[{"'):
        try:
            value = orjson.loads(cell)
        except orjson.JSONDecodeError:
            return cell
        if all(isinstance(item, dict) and "role" in item for item in value):
            _inspect_cell(value, field)
            return value
    return cell


_CELL_READERS: dict[str, Any] = {
    "text": _as_text,
    "json": _as_json,
    "number": _as_number,
    "boolean": _as_boolean,
    "answer": _as_text_or_messages,
    "conversation": _as_text_or_messages,
}
