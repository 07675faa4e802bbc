"""Broken and hostile files end in a problem that names the line, in bounded time and memory."""

import gzip
import io
import subprocess
import sys
import time
import tracemalloc

import pytest
import zstandard

from labeling.formats.importing import read_rows, records
from labeling.formats.reading import LIMITS, Limits, Record, UnreadableFileError, open_stream
from labeling.formats.rows import PromptRow, RowProblem
from tests.architecture.source import ROOT

GOOD = b'{"prompt": "ok"}\n'


def read(data: bytes, kind: str = "prompts", limits: Limits = LIMITS) -> list[object]:
    return list(read_rows(io.BytesIO(data), kind=kind, limits=limits))


def only_problem(data: bytes, kind: str = "prompts", limits: Limits = LIMITS) -> RowProblem:
    """The one problem of a file whose other lines are fine, at least one before and one after."""
    rows = read(GOOD + data + b"\n" + GOOD, kind, limits)
    problems = [row for row in rows if isinstance(row, RowProblem)]
    assert [problem.line for problem in problems] == [2]
    assert [row.line for row in rows if isinstance(row, PromptRow)] == [1, 3]
    return problems[0]


@pytest.mark.parametrize(
    ("line", "field", "says"),
    [
        (rb'{"prompt": "a\u0000b"}', "prompt", "U+0000"),
        (rb'{"prompt": "a", "metadata": {"b": ["c\u0000"]}}', "metadata.b[0]", "U+0000"),
        (rb'{"prompt": "a", "metadata": {"x\u0000y": 1}}', "metadata.x\\u0000y", "U+0000"),
        (rb'{"prompt\u0000": "a"}', "prompt\\u0000", "U+0000"),
        (b'{"prompt": "a\x00b"}', "", "NUL"),
        (b'{"prompt": "\xff"}', "", "UTF-8"),
        (b'{"prompt": "\xc0\xaf"}', "", "UTF-8"),
        (b'{"prompt": "\xed\xa0\x80"}', "", "UTF-8"),
        (rb'{"prompt": "\ud800"}', "", "surrogate"),
        (rb'{"prompt": "\udc00\ud800"}', "", "surrogate"),
        (b'{"prompt": "a", "metadata": {"n": NaN}}', "", "NaN"),
        (b'{"prompt": "a", "metadata": {"n": -Infinity}}', "", "Infinity"),
        (b'{"prompt": "a", "metadata": {"n": 1e999}}', "", "too large"),
        (b'{"prompt": "a", "metadata": {"n": 99999999999999999999}}', "", "too large"),
        (b'{"prompt": "a", "prompt": "b"}', "prompt", "twice"),
        (b'{"prompt": "a", "metadata": {"k": 1, "k": 2}}', "k", "twice"),
        (b'{"prompt": "a"', "", "Not JSON"),
        (b'["a"]', "", "Expected an object"),
        (b"5", "", "Expected an object"),
        (b'{"prompt": "a", "nope": 1}', "nope", "Unknown key"),
    ],
)
def test_a_broken_line_is_named_with_its_field_and_its_neighbours_live(
    line: bytes, field: str, says: str
) -> None:
    problem = only_problem(line)
    assert problem.field == field
    assert says in problem.message


@pytest.mark.parametrize(
    "line",
    [
        b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"prompt": "a", "metadata": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"prompt": "a", "metadata": {"a": ' + b"[" * 500 + b"]" * 500 + b"}}",
        b'{"prompt": "a", "metadata": {"n": ' + b"9" * 1_000_000 + b"}}",
        b'{"prompt": "a", "metadata": {'
        + b",".join(b'"%d": 1' % i for i in range(100_000))
        + b"}}",
        b"{" + b",".join(b'"%d": 1' % i for i in range(100_000)) + b"}",
    ],
    ids=["lists", "objects", "500-deep", "million-digits", "metadata-keys", "row-keys"],
)
def test_a_line_made_to_exhaust_the_reader_is_refused_at_once(line: bytes) -> None:
    begun = time.perf_counter()
    only_problem(line)
    assert time.perf_counter() - begun < 1


def test_a_colon_after_a_quotation_mark_in_a_text_is_no_duplicate_key() -> None:
    (row,) = read(rb'{"prompt": "\"prompt\": \"x\", \"prompt\": 1"}')
    assert isinstance(row, PromptRow)


def test_a_byte_order_mark_and_blank_lines_and_crlf_are_no_problem() -> None:
    rows = read(b"\xef\xbb\xbf" + GOOD + b"\r\n\n" + b'{"prompt": "b"}\r\n')
    assert [row.line for row in rows if isinstance(row, PromptRow)] == [1, 4]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_as_a_file(encoding: str) -> None:
    with pytest.raises(UnreadableFileError, match="UTF-16"):
        read(GOOD.decode().encode(encoding))


def test_a_line_over_the_limit_is_skipped_without_being_held() -> None:
    limits = Limits(line_bytes=100_000)
    data = io.BytesIO(GOOD + b'{"prompt": "' + b"x" * 30_000_000 + b'"}\n' + GOOD)
    tracemalloc.start()
    try:
        rows = list(read_rows(data, kind="prompts", limits=limits))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [row.line for row in rows] == [1, 2, 3]
    assert isinstance(rows[1], RowProblem)
    assert "100,000" in rows[1].message
    assert peak < 8_000_000


GIANT = """
import resource, sys
from labeling.formats.importing import read_rows
from labeling.formats.rows import RowProblem

class Giant:
    # One line of 300 MB between two good ones, or half a million short ones.
    def __init__(self, pieces):
        self.pieces, self.rest = pieces, b""
    def read(self, size=-1):
        while len(self.rest) < size and (piece := next(self.pieces, b"")):
            self.rest += piece
        out, self.rest = self.rest[:size], self.rest[size:]
        return out

def one_line():
    yield b'{"prompt": "first"}\\n{"prompt": "'
    yield from (b"x" * 1_000_000 for _ in range(300))
    yield b'"}\\n{"prompt": "last"}\\n'

def short_lines():
    yield from (b'{"prompt":"a"}\\n' * 50_000 for _ in range(10))

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read = problems = 0
for row in read_rows(Giant(globals()[sys.argv[1]]()), kind="prompts"):
    read += 1
    problems += isinstance(row, RowProblem)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(read, problems, (after - before) // 1024)
"""


@pytest.mark.parametrize(
    ("what", "read", "problems"),
    [
        ("one_line", 3, 1),
        ("short_lines", 500_000, 0),
    ],
)
def test_a_giant_file_takes_little_memory(what: str, read: int, problems: int) -> None:
    """In a process of its own, measured as the system sees it."""
    done = subprocess.run(
        [sys.executable, "-c", GIANT, what], cwd=ROOT, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    rows, refused, grown = map(int, done.stdout.split())
    assert (rows, refused) == (read, problems)
    assert grown < 128


def test_more_lines_or_bytes_than_the_limit_refuse_the_file() -> None:
    with pytest.raises(UnreadableFileError, match="more than 3 lines"):
        read(GOOD * 4, limits=Limits(line_count=3))
    with pytest.raises(UnreadableFileError, match="larger"):
        read(GOOD * 1000, limits=Limits(file_bytes=1000))


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_compressed_files_are_read_and_their_real_bytes_are_counted(compress: object) -> None:
    assert callable(compress)
    assert len(read(compress(GOOD * 100))) == 100
    bomb = compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(UnreadableFileError, match="larger"):
        read(bomb, limits=Limits(file_bytes=1_000_000))
    with pytest.raises(UnreadableFileError, match="cut short"):
        whole = compress(b"".join(b'{"prompt": "%d"}\n' % i for i in range(20_000)))
        read(whole[: len(whole) // 2])


def test_gzip_members_and_zstd_frames_one_after_another_are_one_file() -> None:
    assert len(read(gzip.compress(GOOD) + gzip.compress(GOOD))) == 2
    assert len(read(zstandard.compress(GOOD) + zstandard.compress(GOOD))) == 2


@pytest.mark.parametrize(("data", "says"), [(b"PAR1xxxx", "Parquet"), (b"PK\x03\x04xxxx", "zip")])
def test_other_containers_are_refused_with_advice(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableFileError, match=says):
        read(data)


def test_a_csv_file_has_the_same_columns_and_lines_that_count_from_its_header() -> None:
    data = (
        b"prompt,completion_a,completion_b,model_a,params_a\r\n"
        b'"two\nlines",yes,no,m,"{""t"": 1}"\r\n'
        b"p,x,y,,\r\n"
        b"p,x\r\n"
        b'p,x,y,,"{"\r\n'
        b"p,\xff,y,,\r\n"
    )
    rows = read(data, "comparisons")
    assert [(row.line, type(row).__name__) for row in rows] == [  # type: ignore[attr-defined]
        (2, "ComparisonRow"),
        (4, "ComparisonRow"),
        (5, "RowProblem"),
        (6, "RowProblem"),
        (7, "RowProblem"),
    ]
    assert rows[0].a.params == b'{"t":1}'  # type: ignore[attr-defined]
    assert rows[0].prompt.messages == b'[{"content":"two\\nlines","role":"user"}]'  # type: ignore[attr-defined]


def test_a_csv_row_over_the_limit_does_not_swallow_what_follows_its_piece() -> None:
    data = b'prompt\n"' + b"x\n" * 1000 + b'"\nlast\n'
    rows = read(data, limits=Limits(line_bytes=500))
    assert any(isinstance(row, RowProblem) and "longer" in row.message for row in rows)
    assert len(rows) < 1100


def test_a_csv_header_with_a_column_twice_refuses_the_file() -> None:
    with pytest.raises(UnreadableFileError, match="appears twice"):
        read(b"prompt,prompt\na,b\n")


def test_a_csv_cell_with_nul_is_named() -> None:
    (problem,) = read(b"prompt,language\na\x00b,en\n")
    assert isinstance(problem, RowProblem)
    assert (problem.line, problem.field) == (2, "prompt")


def test_a_jsonl_file_with_a_broken_first_line_is_still_jsonl() -> None:
    rows = read(b"oops, not json\n" + GOOD)
    assert isinstance(rows[0], RowProblem)
    assert isinstance(rows[1], PromptRow)


def test_an_empty_file_has_no_rows() -> None:
    assert read(b"") == []


def test_an_unread_stream_is_opened_by_its_first_bytes_only() -> None:
    stream = open_stream(io.BytesIO(gzip.compress(b'{"a": 1}\n')))
    assert [record.fields for record in records(stream) if isinstance(record, Record)] == [{"a": 1}]
