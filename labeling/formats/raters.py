"""A CSV of raters to rows: who, under which id elsewhere, in which groups, with which skills."""

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from labeling.errors import FieldProblem

MOST_BYTES: Final = 2_000_000
MOST_ROWS: Final = 10_000
PLAIN: Final = ("username", "email", "external_id", "languages")
COLUMNS: Final = f"{', '.join(PLAIN)}, groups.NAME and skills.NAME"


@dataclass(frozen=True)
class RaterRow:
    """One line: a person by sign-in name or mail address. An empty cell changes nothing."""

    line: int
    username: str = ""
    email: str = ""
    external_id: str = ""
    languages: tuple[str, ...] = ()
    groups: dict[str, str] = field(default_factory=dict)
    skills: dict[str, float] = field(default_factory=dict)


def read_raters(data: bytes) -> tuple[list[RaterRow], list[FieldProblem]]:
    """The rows of the file, and what of it cannot be used, by line and column."""
    if len(data) > MOST_BYTES:
        return [], [FieldProblem("file", f"At most {MOST_BYTES:,} bytes; split the file.")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], [FieldProblem("file", "The file is not UTF-8.")]
    if "\x00" in text:
        return [], [FieldProblem("file", "The file has a NUL character in it; take it out.")]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        return [], [FieldProblem("file", f"The header is not CSV: {error}.", 1)]
    if problems := list(_misfits(header)):
        return [], problems
    rows: list[RaterRow] = []
    problems = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(rows) + len(problems) >= MOST_ROWS:
                message = f"At most {MOST_ROWS:,} raters at once; split the file."
                problems.append(FieldProblem("file", message, reader.line_num))
                break
            found = _row(reader.line_num, header, [cell.strip() for cell in cells])
            if isinstance(found, RaterRow):
                rows.append(found)
            else:
                problems += found
    except csv.Error as error:
        problems.append(FieldProblem("file", f"Not CSV: {error}.", reader.line_num))
    return rows, problems


def _misfits(header: list[str]) -> Iterator[FieldProblem]:
    if not {"username", "email"} & set(header):
        yield FieldProblem("file", "The header names neither username nor email.", 1)
    for number, name in enumerate(header):
        kind, dot, rest = name.partition(".")
        is_known = name in PLAIN or (kind in {"groups", "skills"} and dot and rest.strip())
        if not is_known:
            yield FieldProblem(name or "file", f"Not a column; those are {COLUMNS}.", 1)
        elif name in header[:number]:
            yield FieldProblem(name, "The column stands twice.", 1)


def _row(line: int, header: list[str], cells: list[str]) -> RaterRow | list[FieldProblem]:
    if len(cells) != len(header):
        message = f"The row has {len(cells)} cells, the header {len(header)} columns."
        return [FieldProblem("file", message, line)]
    values = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
    problems: list[FieldProblem] = []
    if not values.get("username") and not values.get("email"):
        problems.append(FieldProblem("username", "Say who: username or email.", line))
    skills: dict[str, float] = {}
    groups: dict[str, str] = {}
    for name, value in values.items():
        kind, _, rest = name.partition(".")
        if kind == "groups":
            groups[rest.strip()] = value
        elif kind == "skills":
            level = _number(value)
            if level is None or not 0 <= level <= 1:
                problems.append(FieldProblem(name, "A level is a number from 0 to 1.", line))
            else:
                skills[rest.strip()] = level
    if problems:
        return problems
    spoken = values.get("languages", "").replace(";", ",").replace(" ", ",").split(",")
    return RaterRow(
        line,
        username=values.get("username", ""),
        email=values.get("email", ""),
        external_id=values.get("external_id", ""),
        languages=tuple(part for part in spoken if part),
        groups=groups,
        skills=skills,
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
