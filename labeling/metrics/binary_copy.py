"""PostgreSQL's binary COPY of whole numbers, read straight into numpy columns."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from labeling.metrics.votes import Ints

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_WIDTH: Final = {"int2": 2, "int4": 4, "int8": 8}


def read_integer_columns(data: bytes | bytearray, types: Mapping[str, str]) -> dict[str, Ints]:
    """The columns of a `COPY (…) TO STDOUT (FORMAT binary)`, named and typed int2, int4 or int8.

    No column may be NULL (write `coalesce(x, -1)`): every row then has the same length, so that a
    million rows are one view of the bytes and no loop. Anything else raises ValueError.
    """
    if not data.startswith(SIGNATURE) or len(data) < 21:
        raise ValueError("not a binary COPY")
    start = 19 + int.from_bytes(data[15:19], "big")
    row_fields: list[tuple[str, str]] = [("column_count", ">i2")]
    for name, kind in types.items():
        row_fields += [(f"length of {name}", ">i4"), (name, f">i{_WIDTH[kind]}")]
    row = np.dtype(row_fields)
    body = len(data) - start - 2
    if body < 0 or body % row.itemsize or bytes(data[-2:]) != b"\xff\xff":
        raise ValueError("the rows are not of these types, one is NULL, or the end is missing")
    rows = np.frombuffer(data, dtype=row, count=body // row.itemsize, offset=start)
    if (rows["column_count"] != len(types)).any():
        raise ValueError("another number of columns than named")
    columns = {}
    for name, kind in types.items():
        if (rows[f"length of {name}"] != _WIDTH[kind]).any():
            raise ValueError(f"{name} is not {kind} throughout")
        columns[name] = rows[name].astype(f"=i{_WIDTH[kind]}")
    return columns
