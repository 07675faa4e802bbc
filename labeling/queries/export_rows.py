"""A campaign's judgments as the lines of an export: one snapshot, in constant memory.

The connection is the export's own, so that a slow reader holds none of Django's. Windows of ids
keep the first byte early and every sort small; binary COPY and JSON that is embedded as the
database gave it keep the rate near that of a bare COPY.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
from django.db import connections
from psycopg import sql
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format

from labeling.formats.export_choice import ExportChoice
from labeling.formats.export_rows import ExportRow, by_rule, signed_score, turned_row
from labeling.formats.layouts import lines
from labeling.models import Campaign
from labeling.models.counted import LEFT_OUT_COMPARISON_SQL, LEFT_OUT_SQL
from labeling.queries.adjudicated import ADJUDICATION_SQL

PIECE_BYTES = 65_536
# A comparison has several judgments, so a window of them holds about as many rows.
WINDOW_SIZES = {"each": 10_000, "majority": 4_000}
# A snapshot holds back the cleaning of every table: none lives longer than this. A statement as
# such is bounded by its window; how long it takes is up to whoever reads the bytes.
SESSION_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "application_name": "thurstone-export",
        "timezone": "UTC",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "180s",
        "transaction_timeout": "4h",
        "client_connection_check_interval": "1s",
        # One plan for every size and however old the statistics are: a walk along the window's
        # ids, looking the rest up by index. It begins at once, keeps the order, and sorts nothing.
        "join_collapse_limit": "1",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "enable_material": "off",
        "max_parallel_workers_per_gather": "0",
        "jit": "off",
    }.items()
)

# Name, expression and type of what is read, in the canonical order. A caller's own id goes out
# as it came in; where none was given, the public one does.
COLUMNS = (
    ("judgment_id", "coalesce(j.external_id, j.public_id::text)", "text"),
    ("comparison_id", "coalesce(c.external_id, c.public_id::text)", "text"),
    ("round", "r.number", "int4"),
    ("prompt_id", "coalesce(p.external_id, p.public_id::text)", "text"),
    ("prompt", "p.messages", "jsonb"),
    ("completion_a", "a.messages", "jsonb"),
    ("completion_b", "b.messages", "jsonb"),
    ("model_a", "sa.model", "text"),
    ("model_b", "sb.model", "text"),
    ("params_a", "sa.params", "jsonb"),
    ("params_b", "sb.params", "jsonb"),
    ("shown_left", "j.shown_left", "text"),
    ("presentation_arm", "nullif(j.presentation_arm, '')", "text"),
    ("guideline_version", "g.number", "int4"),
    ("clauses", "j.clauses::text[]", "text[]"),
    ("rater", "seat.pseudonym", "text"),
    ("rater_kind", "rater.kind", "text"),
    ("rater_groups", "coalesce(seat.groups, '{}')", "jsonb"),
    ("preference", "j.preference", "text"),
    ("strength", "j.strength", "int2"),
    ("criteria", "j.criteria", "jsonb"),
    ("quality_a", "j.quality_a", "int2"),
    ("quality_b", "j.quality_b", "int2"),
    ("rationale", "j.rationale", "text"),
    ("edited", "coalesce(j.edited, '{}')", "jsonb"),
    ("steps", "j.steps", "jsonb"),
    ("active_ms", "j.active_ms", "int4"),
    ("created_at", "j.judged_at", "timestamptz"),
    ("is_gold", "gold.id IS NOT NULL", "bool"),
    (
        "repeat_of",
        # The same rater's first judgment of the pair, the standing one if it was revised.
        """CASE WHEN j.is_repeat THEN (
            SELECT coalesce(f.external_id, f.public_id::text) FROM labeling_judgment f
            LEFT JOIN labeling_judgment f_later ON f_later.supersedes_id = f.id
            LEFT JOIN labeling_withdrawal f_gone ON f_gone.judgment_id = f.id
            WHERE f.comparison_id = j.comparison_id AND f.rater_id = j.rater_id AND NOT f.is_repeat
            ORDER BY f_later.id IS NULL AND f_gone.id IS NULL DESC, f.id LIMIT 1) END""",
        "text",
    ),
    ("selection_policy", "nullif(c.selection_policy, '')", "text"),
    ("propensity", "c.propensity", "float8"),
    ("superseded_by", "coalesce(later.external_id, later.public_id::text)", "text"),
    ("marks_a", "a.marks::text[]", "text[]"),
    ("marks_b", "b.marks::text[]", "text[]"),
    # Where a campaign has no reviewer's word, none is looked for.
    ("adjudication", f"CASE WHEN %(is_reviewed)s THEN {ADJUDICATION_SQL} END", "jsonb"),
)
NAMES = tuple(name for name, _, _ in COLUMNS)
TYPES = (*(kind for _, _, kind in COLUMNS), "bool")
# What the choice asks about, and what is only written.
_CHOSEN_BY = """
    JOIN labeling_comparison c ON c.id = j.comparison_id
    JOIN labeling_rater rater ON rater.id = j.rater_id
    LEFT JOIN labeling_gold gold ON gold.comparison_id = c.id
    LEFT JOIN labeling_judgment later ON later.supersedes_id = j.id
    LEFT JOIN labeling_withdrawal gone ON gone.judgment_id = j.id
    LEFT JOIN labeling_round r ON r.id = c.round_id
"""
SOURCES = f"""
    labeling_judgment j {_CHOSEN_BY}
    LEFT JOIN labeling_seat seat ON seat.rater_id = j.rater_id AND seat.campaign_id = j.campaign_id
    LEFT JOIN labeling_guidelineversion g ON g.id = j.guideline_version_id
    JOIN labeling_prompt p ON p.id = c.prompt_id
    JOIN labeling_completion a ON a.id = c.completion_a_id
    JOIN labeling_completion b ON b.id = c.completion_b_id
    JOIN labeling_source sa ON sa.id = a.source_id
    JOIN labeling_source sb ON sb.id = b.source_id
"""


# Whether a reviewer decided anything in the campaign.
_HAS_REVIEWS = "SELECT EXISTS (SELECT FROM labeling_adjudication WHERE campaign_id = %s)"
# Whether a decision about a rater's work is in force.
_HAS_EXCLUSIONS = """
SELECT EXISTS (SELECT FROM labeling_exclusion e
  JOIN labeling_excludedjudgment x ON x.exclusion_id = e.id
  WHERE e.campaign_id = %s AND e.undone_at IS NULL
    AND (NOT e.needs_second OR e.agreed_at IS NOT NULL))
"""
# What decisions leave out, once each: judgments of raters, and those of comparisons.
_LEFT_OUT = """
SELECT x.judgment_id AS id FROM labeling_exclusion e
JOIN labeling_excludedjudgment x ON x.exclusion_id = e.id
WHERE e.campaign_id = %(campaign)s AND e.undone_at IS NULL
  AND (NOT e.needs_second OR e.agreed_at IS NOT NULL)
UNION
SELECT o.id FROM labeling_adjudication k
LEFT JOIN labeling_adjudication newer ON newer.supersedes_id = k.id
JOIN labeling_judgment o ON o.comparison_id = k.comparison_id
WHERE k.campaign_id = %(campaign)s AND k.outcome = 'left_out' AND newer.id IS NULL
"""


class _RawJson(Loader):
    """The bytes of a jsonb value as they are, without the version byte of its binary form."""

    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)[1:]


class Export:
    """Iterate for pieces of the file; close it whatever happens. `counts` is whole at the end.

    `counts`: `judgments` read, `lines` written, records left out: `ties_left_out`,
    `without_text` and, where only edits are written, `without_edit`. `excluded` are judgments that
    would have been read, but that a decision about a rater's work or a comparison leaves out.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        campaign: Campaign,
        choice: ExportChoice,
        window_size: int,
    ) -> None:
        self.counts: Counter[str] = Counter(judgments=0, lines=0, ties_left_out=0, without_text=0)
        if choice.edits == "only":
            self.counts["without_edit"] = 0
        self._connection = connection
        self._campaign = campaign
        self._choice = choice
        self._window_size = window_size
        # Reading it takes the snapshot.
        self._first_end = self._window_end(after=0)
        self._leaves_out = not choice.keeps_excluded and self._is_there(_HAS_EXCLUSIONS)
        self._is_reviewed = self._is_there(_HAS_REVIEWS)
        if not choice.keeps_excluded and (self._leaves_out or self._is_reviewed):
            excluded = self._excluded()
            if excluded or self._leaves_out:
                self.counts["excluded"] = excluded

    def __iter__(self) -> Iterator[bytes]:
        try:
            piece = bytearray()
            for line in self._lines():
                piece += line
                if len(piece) >= PIECE_BYTES:
                    yield bytes(piece)
                    piece.clear()
            if piece:
                yield bytes(piece)
        finally:
            self.close()

    def visible(self) -> str:
        """The transactions it sees, as PostgreSQL writes a snapshot: with each row's xid, what was
        in it can be told for ever.
        """
        (text,) = self._connection.execute("SELECT pg_current_snapshot()::text").fetchone() or ("",)
        return str(text)

    def close(self) -> None:
        """End the snapshot and its connection. Safe to repeat."""
        self._connection.close()

    def _lines(self) -> Iterator[bytes]:
        choice = self._choice
        for row in by_rule(self._rows(), choice.rule):
            written = lines(row, layout=choice.layout, ties=choice.ties, edits=choice.edits)
            self.counts["lines"] += len(written)
            if not written and choice.edits == "only":
                self.counts["without_edit"] += 1
            elif not written:
                is_tie = row.preference in ("tie", "both_bad") and choice.ties == "drop"
                self.counts["ties_left_out" if is_tie else "without_text"] += 1
            yield from written

    def _rows(self) -> Iterator[ExportRow]:
        statement = _statement(
            self._choice, leaves_out=self._leaves_out, is_reviewed=self._is_reviewed
        )
        start, end = 0, self._first_end
        while end is not None:
            values = {
                "campaign": self._campaign.pk,
                "rater_kind": self._choice.raters,
                "round": self._choice.only_round,
                "start": start,
                "end": end,
                "is_reviewed": self._is_reviewed,
            }
            with self._connection.cursor().copy(statement, values) as copy:
                copy.set_types(TYPES)
                for values_of_row in copy.rows():
                    self.counts["judgments"] += 1
                    yield self._row(values_of_row)
            start, end = end, self._window_end(after=end)

    def _row(self, values: tuple[Any, ...]) -> ExportRow:
        *fields, is_turned = values
        named = dict(zip(NAMES, fields, strict=True))
        score = signed_score(named["preference"], named["strength"])
        row = ExportRow(campaign=self._campaign.slug, score=score, **named)
        # What the caller's file called a goes out as a, and the report's numbers are of these.
        return turned_row(row) if is_turned else row

    def _excluded(self) -> int:
        """How many judgments the choice would have, were it not for what was decided."""
        values = {
            "campaign": self._campaign.pk,
            "rater_kind": self._choice.raters,
            "round": self._choice.only_round,
        }
        statement = (
            f"SELECT count(*) FROM ({_LEFT_OUT}) left_out"  # noqa: S608
            f" JOIN labeling_judgment j ON j.id = left_out.id {_CHOSEN_BY}"
            f" WHERE {' AND '.join(_chosen(self._choice))}"
        )
        (count,) = self._connection.execute(sql.SQL(statement), values).fetchone() or (0,)
        return int(count)

    def _is_there(self, statement: LiteralString) -> bool:
        found = self._connection.execute(statement, [self._campaign.pk]).fetchone()
        return bool(found and found[0])

    def _window_end(self, *, after: int) -> int | None:
        """The last id of the window that begins there; None where nothing is left."""
        table = "labeling_comparison" if self._choice.rule == "majority" else "labeling_judgment"
        statement = sql.SQL(
            "SELECT max(id) FROM (SELECT id FROM {} WHERE campaign_id = %s AND id > %s"
            " ORDER BY id LIMIT %s) AS w"
        ).format(sql.Identifier(table))
        values = [self._campaign.pk, after, self._window_size]
        (end,) = self._connection.execute(statement, values).fetchone() or (None,)
        return end


def open_export(campaign: Campaign, choice: ExportChoice, *, window_size: int = 0) -> Export:
    """The export of what stands now, its snapshot taken: what comes later is not in it."""
    # Refusals of the database look like those of Django's connections to whoever words them.
    with connections["default"].wrap_database_errors:
        connection = _connect()
        try:
            return Export(connection, campaign, choice, window_size or WINDOW_SIZES[choice.rule])
        except BaseException:
            connection.close()
            raise


def _connect() -> psycopg.Connection[Any]:
    parameters = connections["default"].get_connection_params()
    # Adapters and cursors of Django's own would parse JSON and read times into the local zone.
    for django_only in ("context", "cursor_factory", "prepare_threshold"):
        parameters.pop(django_only, None)
    parameters["options"] = f"{parameters.get('options', '')} {SESSION_OPTIONS}".strip()
    parameters.setdefault("connect_timeout", 10)
    connection: psycopg.Connection[Any] = psycopg.connect(**parameters)
    # Before any cursor exists: a loader that comes later is ignored without a word.
    connection.adapters.register_loader("jsonb", _RawJson)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def _statement(choice: ExportChoice, *, leaves_out: bool, is_reviewed: bool) -> sql.Composed:
    """The COPY of one window: of `campaign` and `rater_kind`, after `start` and through `end`."""
    key = "c" if choice.rule == "majority" else "j"
    wanted = [
        f"{key}.campaign_id = %(campaign)s",
        f"{key}.id > %(start)s",
        f"{key}.id <= %(end)s",
        *_chosen(choice),
    ]
    if leaves_out:
        wanted.append(f"NOT {LEFT_OUT_SQL}")
    if is_reviewed and not choice.keeps_excluded:
        wanted.append(f"NOT {LEFT_OUT_COMPARISON_SQL}")
    columns = ", ".join(f"{expression} AS {name}" for name, expression, _ in COLUMNS)
    text = f"SELECT {columns}, c.is_turned FROM {SOURCES} WHERE {' AND '.join(wanted)}"  # noqa: S608
    order = "c.id, j.id" if choice.rule == "majority" else "j.id"
    return sql.Composed([sql.SQL(f"COPY ({text} ORDER BY {order}) TO STDOUT (FORMAT binary)")])


def _chosen(choice: ExportChoice) -> list[str]:
    """What a judgment must be to be asked for, whatever was decided of it."""
    wanted = [
        # The column of the join itself: the planner then sees an anti-join.
        "gone.judgment_id IS NULL",
        # Practice, whose answers are told one by one, is no data, whatever is asked for.
        "r.kind IS DISTINCT FROM 'qualification'",
    ]
    if choice.only_round is not None:
        wanted.append("r.number = %(round)s")
    if not choice.with_history:
        wanted.append("later.supersedes_id IS NULL")
    if choice.raters != "all":
        wanted.append("rater.kind = %(rater_kind)s")
    if not choice.keeps_gold:
        wanted.append("gold.id IS NULL")
    if not choice.keeps_repeats:
        wanted.append("NOT j.is_repeat")
    return wanted
