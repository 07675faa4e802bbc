"""The temporary tables of an import, and what runs over them in which order."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from labeling.models import import_statements as sql

_COLUMNS = {
    name: [column.split()[0] for column in columns.split(", ")]
    for name, columns in sql.TABLES.items()
}
# i, id, turned, is new, is new gold, field, problem
ResolvedComparison = tuple[int, int | None, bool, bool, bool, str | None, str | None]


class Staging:
    """The temporary tables of one import, and what resolves the rows copied into them."""

    def __init__(self, cursor: CursorWrapper, campaign_id: int) -> None:
        self._cursor = cursor
        # Written into the statements, so that they are planned for this campaign's size. Asking
        # for custom plans instead would have every foreign key check planned anew.
        self._campaign = str(int(campaign_id))
        for setting in (
            "work_mem = '64MB'",
            "jit = off",
            "idle_in_transaction_session_timeout = 0",
            "client_min_messages = warning",
        ):
            cursor.execute(f"SET LOCAL {setting}")
        for name, columns in sql.TABLES.items():
            extra = f", {sql.RESULTS[name]}" if name in sql.RESULTS else ""
            cursor.execute(f"CREATE TEMP TABLE {name} ({columns}{extra}) ON COMMIT DROP")
        cursor.execute("CREATE INDEX ON stage_comparison (ext) WHERE is_new")
        cursor.execute(sql.CREATE_JUDGMENTS)

    def fill(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Replace what the table holds by these rows, and tell the planner how many there are."""
        columns = ", ".join(_COLUMNS[table])
        self._copy(table, columns, rows)

    def resolve_prompts(self) -> list[tuple[int, bool, str | None, str | None]]:
        """Store what is new of the staged prompts; (i, is new, field, problem) of each."""
        self._prompts(sql.CHOOSE_ALL_PROMPTS)
        self._cursor.execute("SELECT i, is_new, field, problem FROM stage_prompt")
        rows: list[tuple[int, bool, str | None, str | None]] = self._cursor.fetchall()
        return rows

    def resolve_comparisons(self) -> list[ResolvedComparison]:
        """Store what is new of the staged comparisons and all they rest on.

        (i, id, turned, is new, is new gold, field, problem) of each. `turned`: the row's a is the
        stored b.
        """
        self._run(sql.SEE_BY_ID, sql.MATCH_SEEN)
        self._prompts(sql.CHOOSE_PROMPTS)
        self._run(
            sql.WANT_COMPLETIONS,
            "ANALYZE stage_completion (i, p, id, is_wanted, model)",
            sql.SAME_COMPLETIONS,
            sql.TEXT_COMPLETIONS,
            sql.MODEL_COMPLETIONS,
            sql.INSERT_SOURCES,
            sql.FIRST_COMPLETIONS,
            sql.NEW_COMPLETIONS,
            sql.SHARED_COMPLETIONS,
            sql.INSERT_COMPLETIONS,
            "ANALYZE stage_completion (i, p, id, is_new)",
            sql.REFUSE_PAIRS,
            sql.KNOWN_BY_PAIR,
            sql.NEW_COMPARISONS,
            sql.INSERT_COMPARISONS,
            "ANALYZE stage_comparison (i, ext, id, is_new)",
            sql.SEE_NEW,
            sql.MATCH_SEEN,
            sql.KNOWN_BY_PAIR,
            sql.SAME_AS,
            sql.REFUSE_UNKNOWN,
            sql.NEW_GOLD,
            sql.INSERT_GOLD,
            sql.REFUSE_GOLD,
        )
        self._cursor.execute(
            "SELECT i, id, coalesce(turned, false), is_new, is_new_gold, field, problem "
            "FROM stage_comparison"
        )
        rows: list[ResolvedComparison] = self._cursor.fetchall()
        return rows

    def known_judgments(
        self, rows: Iterable[Sequence[Any]]
    ) -> dict[int, tuple[bool | None, bool, bool]]:
        """What is known of judgments (n, ext, pub, hash, comparison, rater, preference), by n."""
        self._copy("stage_judgment", "n, ext, pub, hash, comparison, rater, preference", rows)
        self._run(sql.KNOWN_JUDGMENTS)
        return {n: tuple(known) for n, *known in self._cursor.fetchall()}

    def copy_judgments(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Store judgments that are known to be new."""
        names = ", ".join(columns)
        with self._cursor.copy(f"COPY labeling_judgment ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def check(self) -> None:
        """Check the foreign keys of what was stored so far, rather than all at the commit."""
        self._cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        self._cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    def analyze(self) -> None:
        """Tell the planner what the tables hold by now; they may have been empty before.

        A table that another import has analyzed is left out: its lock lasts until that one commits.
        """
        for table in ("prompt", "source", "completion", "comparison", "judgment"):
            self._cursor.execute(f"ANALYZE (SKIP_LOCKED) labeling_{table}")

    def _prompts(self, choice: str) -> None:
        self._cursor.execute("DROP TABLE IF EXISTS wanted_prompt")
        self._run(
            choice,
            "ANALYZE wanted_prompt",
            sql.NEW_PROMPTS,
            sql.INSERT_PROMPTS,
            sql.RESOLVE_PROMPTS,
        )

    def _copy(self, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
        self._cursor.execute(f"TRUNCATE {table}")
        with self._cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        # Temporary tables get no statistics by themselves, and joins are then planned blind.
        self._cursor.execute(f"ANALYZE {table} ({columns.split(',', 1)[0]})")

    def _run(self, *statements: str) -> None:
        for statement in statements:
            self._cursor.execute(statement.replace("%(campaign)s", self._campaign))


def as_uuid(text: str | None) -> UUID | None:
    """The id as one of ours, if it can be one."""
    if text is None or len(text) != 36:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None
