"""The stream below every export: its bytes, its one moment, its windows, its connection."""

import threading
import time
import tracemalloc
from typing import Any, ClassVar

import orjson
import psycopg
import pytest
from django.db import OperationalError, connection

from labeling.formats.export_choice import choose
from labeling.models import Campaign, Completion, Judgment
from labeling.queries.export_rows import open_export
from labeling.queries.judgment_records import record_of, records
from tests import factories
from tests.queries.export_campaign import judge, small_campaign

# The export has a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


def exported(campaign: Campaign, *, window_size: int = 0, **asked: str) -> list[dict[str, Any]]:
    pieces = open_export(campaign, choose(asked), window_size=window_size)
    return [orjson.loads(line) for line in b"".join(pieces).splitlines()]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [str(row["judgment_id"])[-2:] for row in rows]


def open_connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'thurstone-export' AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


def many_judgments(count: int, *, text: str = "x") -> Campaign:
    """`count` judgments of `count` comparisons of one prompt, by one rater."""
    campaign = factories.campaign()
    rater = factories.rater(campaign).rater
    prompt = factories.prompt(campaign)
    for n in range(count):
        comparison = factories.comparison(campaign, f"{text}{n}", f"{n}{text}", prompt=prompt)
        judge(comparison, rater, "a" if n % 3 else "tie")
    return campaign


def test_a_judgment_is_written_byte_for_byte():
    campaign = small_campaign()
    first = b"".join(open_export(campaign, choose({}))).splitlines(keepends=True)[0]
    assert first.decode() == (
        '{"judgment_id":"j1","comparison_id":"sky","campaign":"small","round":4,'
        '"prompt_id":"p-sky","prompt":[{"role": "user", "content": "Sky?"}],'
        '"completion_a":[{"role": "assistant", "content": "Blue \\\\ “blue” \u2028."}],'
        '"completion_b":[{"role": "assistant", "content": "Green."}],'
        '"model_a":"model-one","model_b":"model-two","params_a":{},"params_b":{},'
        '"shown_left":"b","presentation_arm":"paced","guideline_version":2,"clauses":["H1"],'
        '"rater":"r-ann","rater_kind":"human","rater_groups":{"country": "NL"},'
        '"preference":"a","strength":3,"score":-3,"criteria":{"helpful": "b"},'
        '"quality_a":4,"quality_b":null,"rationale":"Clear,\\nand “right”.",'
        '"edited":{"side": "a", "text": "Bluer."},"steps":{"a": [1]},"active_ms":1500,'
        '"created_at":"2026-01-31T12:00:00Z","is_gold":false,"repeat_of":null,'
        '"selection_policy":"uncertain","propensity":0.25,"superseded_by":null,'
        '"marks_a":["identifies_itself"],"marks_b":[],"adjudication":null}\n'
    )


def test_only_standing_judgments_are_written_and_history_adds_the_superseded():
    campaign = small_campaign()
    assert ids(exported(campaign)) == ["j1", "j3", "j4", "03", "j6", "j7", "j9"]
    with_history = exported(campaign, history="1")
    assert ids(with_history) == ["j1", "j2", "j3", "j4", "03", "j6", "j7", "j9"]
    assert {row["judgment_id"]: row["superseded_by"] for row in with_history}["j2"] == "j3"


def test_scores_are_negative_for_a_and_unknown_without_a_strength():
    scores = {row["judgment_id"][-2:]: row["score"] for row in exported(small_campaign())}
    assert scores == {"j1": -3, "j3": -1, "j4": 0, "03": 2, "j6": -1, "j7": None, "j9": 1}


def test_own_ids_come_back_and_public_ones_stand_in_for_them():
    rows = exported(small_campaign())
    assert (rows[3]["prompt_id"], rows[3]["comparison_id"], rows[3]["judgment_id"]) == tuple(
        f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 3)
    )


def test_gold_repeats_and_judges_are_marked_in_native_and_absent_from_training_layouts():
    campaign = small_campaign()
    rows = {row["judgment_id"][-2:]: row for row in exported(campaign)}
    assert [key for key, row in rows.items() if row["is_gold"]] == ["j9"]
    assert [key for key, row in rows.items() if row["rater_kind"] == "judge"] == ["j7"]
    repeats = {key: row["repeat_of"] for key, row in rows.items() if row["repeat_of"]}
    assert repeats == {"j6": rows["03"]["judgment_id"]}
    assert len(exported(campaign, layout="trl")) == 3
    assert len(exported(campaign, layout="trl", gold="keep")) == 4
    assert len(exported(campaign, layout="trl", raters="all")) == 4
    assert len(exported(campaign, layout="trl", raters="judge")) == 1
    assert len(exported(campaign, layout="trl", ties="split")) == 5
    assert ids(exported(campaign, raters="judge")) == ["j7"]


def test_a_repeat_names_the_revised_first_judgment_that_stands():
    campaign = small_campaign()
    repeat = Judgment.objects.get(external_id="j6")
    earlier = Judgment.objects.get(
        comparison=repeat.comparison, rater=repeat.rater, is_repeat=False
    )
    judge(earlier.comparison, earlier.rater, "a", supersedes=earlier, external_id="j10")
    repeats = [row["repeat_of"] for row in exported(campaign) if row["repeat_of"]]
    assert repeats == ["j10"]


def test_the_majority_has_a_row_per_comparison_and_counts_every_rater_once():
    campaign = small_campaign()
    rows = exported(campaign, rule="majority")
    assert [row["comparison_id"] for row in rows[:1]] == ["sky"]
    assert [(row["preference"], row["score"]) for row in rows] == [
        ("a", pytest.approx(-4 / 3)),  # ann a 3, bob a 1, cat tie
        ("b", 2),  # ann alone: her repeat, the judge and the withdrawn one have no voice
        ("b", 1),
    ]
    assert all(row["judgment_id"] is None and row["rater"] is None for row in rows)
    training = exported(campaign, layout="trl", rule="majority")
    assert [row["margin"] for row in training] == [pytest.approx(4 / 3), 2]
    assert training[1]["chosen"] == [{"role": "assistant", "content": "Sweet."}]


def test_a_page_of_judgments_and_the_export_tell_the_same():
    campaign = small_campaign()
    listed = orjson.dumps(
        [record_of(judgment) for judgment in records(campaign).order_by("pk")],
        option=orjson.OPT_UTC_Z,
    )
    assert orjson.loads(listed) == exported(campaign)
    assert list(orjson.loads(listed)[0]) == list(exported(campaign)[0])


def test_a_and_b_are_those_of_the_file_that_brought_the_comparison():
    campaign = factories.campaign()
    rater = factories.rater(campaign).rater
    straight, turned = (
        factories.comparison(campaign, "One.", "Two.", prompt_text=text, is_turned=is_turned)
        for text, is_turned in (("First?", False), ("Second?", True))
    )
    for comparison in (straight, turned):
        judge(
            comparison,
            rater,
            "a",
            strength=2,
            shown_left="b",
            criteria={"helpful": "b", "safe": "tie"},
            quality_a=5,
            quality_b=1,
            edited={"side": "a", "text": "One!"},
            steps={"a": [1], "b": []},
        )
    as_stored, as_given = exported(campaign)
    assert (as_stored["preference"], as_stored["score"], as_stored["shown_left"]) == ("a", -2, "b")
    assert (as_given["preference"], as_given["score"], as_given["shown_left"]) == ("b", 2, "a")
    assert as_given["completion_b"] == as_stored["completion_a"]
    assert (as_given["model_a"], as_given["model_b"]) == ("model-two", "model-one")
    assert as_given["criteria"] == {"helpful": "a", "safe": "tie"}
    assert (as_given["quality_a"], as_given["quality_b"]) == (1, 5)
    assert as_given["edited"] == {"side": "b", "text": "One!"}
    assert as_given["steps"] == {"b": [1], "a": []}
    # Which one was better does not depend on what they are called.
    one, other = exported(campaign, layout="trl")
    assert (one["chosen"], one["rejected"]) == (other["chosen"], other["rejected"])
    assert [row["preference"] for row in exported(campaign, rule="majority")] == ["a", "b"]
    listed = [record_of(judgment) for judgment in records(campaign).order_by("pk")]
    assert orjson.loads(orjson.dumps(listed, option=orjson.OPT_UTC_Z)) == [as_stored, as_given]


@pytest.mark.parametrize("rule", ["each", "majority"])
def test_windows_of_any_size_make_the_same_bytes(rule):
    campaign = small_campaign()
    other = factories.campaign()
    judge(factories.comparison(other), factories.rater(other).rater, "a")
    choice = choose({"rule": rule})
    whole = b"".join(open_export(campaign, choice))
    for size in (1, 2, 3, 7):
        assert b"".join(open_export(campaign, choice, window_size=size)) == whole
    assert b"".join(open_export(campaign, choice)) == whole


def test_an_empty_campaign_is_an_empty_file():
    assert b"".join(open_export(factories.campaign(), choose({}))) == b""


def test_what_was_left_out_is_counted():
    campaign = small_campaign()
    comparison = factories.comparison(campaign)
    unknown = Completion.objects.filter(pk=comparison.completion_b_id)
    unknown.update(messages=None, char_count=0)
    judge(comparison, factories.rater(campaign).rater, "a")
    export = open_export(campaign, choose({"layout": "trl"}))
    assert b"".join(export)
    assert export.counts == {"judgments": 5, "lines": 3, "ties_left_out": 1, "without_text": 1}
    assert len(exported(campaign)) == 8


def test_an_export_is_one_moment_however_many_judgments_arrive_meanwhile():
    campaign = many_judgments(60, text="long answer " * 400)
    before = {str(public_id) for public_id in Judgment.objects.values_list("public_id", flat=True)}
    oldest, newest = Judgment.objects.order_by("pk")[0], Judgment.objects.order_by("-pk")[0]
    stop = threading.Event()
    made: list[str] = []

    def arrive() -> None:
        try:
            # The newest is in a window that has not been read yet.
            judge(newest.comparison, newest.rater, "b", supersedes=newest)
            made.append("revised")
            while not stop.is_set():
                comparison = factories.comparison(campaign)
                judge(comparison, oldest.rater, "a")
                made.append("new")
        finally:
            connection.close()

    export = open_export(campaign, choose({}), window_size=5)
    pieces = iter(export)
    data = next(pieces)
    writer = threading.Thread(target=arrive)
    writer.start()
    try:
        while len(made) < 20:
            time.sleep(0.01)
        data += b"".join(pieces)
    finally:
        stop.set()
        writer.join()
    found = [orjson.loads(line)["judgment_id"] for line in data.splitlines()]
    assert len(found) == len(set(found)) == 60
    assert set(found) == before
    assert len(exported(campaign)) >= 60 + 19


def test_a_reader_who_leaves_midway_frees_the_connection():
    campaign = many_judgments(40, text="long answer " * 1000)
    export = open_export(campaign, choose({}))
    pieces = iter(export)
    next(pieces)
    assert open_connections() == 1
    export.close()
    export.close()
    deadline = time.monotonic() + 5
    while open_connections() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert open_connections() == 0


def test_an_export_read_to_its_end_frees_the_connection_itself():
    campaign = small_campaign()
    assert sum(map(len, open_export(campaign, choose({}))))
    deadline = time.monotonic() + 5
    while open_connections() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert open_connections() == 0


def test_an_export_cannot_write_and_has_its_limits():
    export = open_export(small_campaign(), choose({}))
    try:
        names = ("transaction_isolation", "transaction_read_only", "transaction_timeout")
        shown = {
            name: value for name in names for (value,) in export._connection.execute(f"SHOW {name}")
        }
    finally:
        export.close()
    assert shown == {
        "transaction_isolation": "repeatable read",
        "transaction_read_only": "on",
        "transaction_timeout": "4h",
    }


def test_a_database_that_refuses_looks_like_any_that_is_away(monkeypatch):
    campaign = small_campaign()
    monkeypatch.setitem(connection.settings_dict, "NAME", "there_is_none")
    with pytest.raises(OperationalError):
        open_export(campaign, choose({}))


def test_memory_does_not_grow_with_the_number_of_judgments():
    """Peak of Python's own memory over 40 MB of rows; libpq's buffers are the benchmark's."""
    campaign = factories.campaign()
    rater = factories.rater(campaign).rater
    comparison = factories.comparison(campaign, "long answer " * 300, "other answer " * 300)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO labeling_judgment (public_id, campaign_id, comparison_id, rater_id,"
            " preference, strength, criteria, rationale, clauses, steps, flags, presentation_arm,"
            " client, is_repeat)"
            " SELECT gen_random_uuid(), %s, %s, %s, 'a', 1, '{}', '', '{}', '{}', '{}', '', '{}',"
            " false FROM generate_series(1, 5000)",
            [campaign.pk, comparison.pk, rater.pk],
        )
    tracemalloc.start()
    try:
        size = sum(map(len, open_export(campaign, choose({}), window_size=2000)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 35_000_000
    assert peak < 2_000_000


class WatchedCursor(psycopg.Cursor[Any]):
    """Keeps the statements that went through it."""

    statements: ClassVar[list[Any]] = []

    def copy(self, statement: Any, *args: Any, **kwargs: Any) -> Any:
        self.statements.append(statement)
        return super().copy(statement, *args, **kwargs)

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        self.statements.append(query)
        return super().execute(query, *args, **kwargs)


def test_a_window_is_two_statements_whatever_is_in_it():
    campaign = small_campaign()
    WatchedCursor.statements.clear()
    export = open_export(campaign, choose({}), window_size=5)
    export._connection.cursor_factory = WatchedCursor
    assert len(b"".join(export).splitlines()) == 7
    # Nine stored judgments are two windows of five, and each asks for the end of the next.
    assert len(WatchedCursor.statements) == 4
