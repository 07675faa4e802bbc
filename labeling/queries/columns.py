"""Whole numbers of a statement as numpy columns; little memory beside the columns themselves."""

from collections.abc import Mapping

import numpy as np
from django.db import connection
from psycopg import sql

from labeling.metrics.binary_copy import SIGNATURE, read_integer_columns
from labeling.metrics.votes import Ints

# The bytes of a row of the copy are twice those of its columns: they are turned slab by slab.
_SLAB = 8 * 1024 * 1024
_HEADER = SIGNATURE + bytes(8)
_END = b"\xff\xff"


def copied_columns(statement: sql.Composable, types: Mapping[str, str]) -> dict[str, Ints]:
    """The columns of a `COPY (…) TO STDOUT (FORMAT binary)`, of int2, int4 and int8, none NULL."""
    slabs: list[dict[str, Ints]] = []
    rows = bytearray()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        # Each piece is whole rows; the first begins with the header, the last is the end.
        for piece in copy:
            rows += piece
            if len(rows) > _SLAB:
                slabs.append(read_integer_columns(rows + _END, types))
                rows = bytearray(_HEADER)
    slabs.append(read_integer_columns(rows, types))
    return {name: np.concatenate([slab[name] for slab in slabs]) for name in types}
