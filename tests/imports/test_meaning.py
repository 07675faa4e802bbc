"""What rows come to in the database: which are one comparison, who is `a`, what is kept."""

import uuid

import orjson
import pytest

from labeling.models import Comparison, Completion, Gold, Judgment, Prompt, Rater, Seat
from tests import factories
from tests.imports.files import (
    counts,
    import_file,
    import_rows,
    judgment,
    lines,
    pair,
    problems,
    turned,
)
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign():
    return factories.campaign(state="draft")


def preferred_texts(campaign) -> list[str]:
    """The text each judgment prefers, in the order they came, whatever its side is called."""
    told = []
    rows = Judgment.objects.filter(campaign=campaign).select_related(
        "comparison__completion_a", "comparison__completion_b"
    )
    for row in rows.order_by("pk"):
        side = {"a": row.comparison.completion_a, "b": row.comparison.completion_b}
        chosen = side.get(row.preference)
        told.append(chosen.messages[0]["content"] if chosen and chosen.messages else row.preference)
    return told


def test_rows_of_one_pair_are_one_comparison_whatever_their_order(campaign):
    first = judgment(strength=2, shown_left="a", criteria={"helpful": "a"})
    other = {**turned(first), "rater": "r2", "criteria": {"helpful": "b"}}
    job = import_rows(campaign, first, other)
    assert counts(job) == (2, 2, 0, 0)
    comparison = Comparison.objects.get(campaign=campaign)
    assert comparison.completion_a_id < comparison.completion_b_id
    one, two = Judgment.objects.filter(campaign=campaign).order_by("pk")
    for field in ("preference", "strength", "shown_left", "criteria"):
        assert getattr(one, field) == getattr(two, field)
    assert preferred_texts(campaign) == ["First 0", "First 0"]


@pytest.mark.parametrize("with_id", [True, False])
def test_the_order_may_differ_from_file_to_file(campaign, with_id):
    known = {"comparison_id": "c1"} if with_id else {}
    import_rows(campaign, judgment(**known))
    job = import_rows(campaign, turned(judgment(rater="r2", preference="b", **known)))
    assert counts(job) == (1, 1, 0, 0)
    assert Comparison.objects.filter(campaign=campaign).count() == 1
    assert preferred_texts(campaign) == ["First 0", "Second 0"]


def test_a_row_that_names_a_known_comparison_means_the_sides_of_the_file_that_brought_it(campaign):
    # The second pair meets its b first, so the table calls it a.
    import_rows(campaign, pair(1, comparison_id="c1"), kind="comparisons")
    import_rows(campaign, turned(pair(1, comparison_id="c2")), kind="comparisons")
    assert Comparison.objects.get(external_id="c2").is_turned
    bare = [
        {"comparison_id": "c1", "rater": "r", "preference": "a", "shown_left": "a"},
        {"comparison_id": "c2", "rater": "r", "preference": "a", "shown_left": "a"},
    ]
    assert counts(import_rows(campaign, *bare)) == (2, 2, 0, 0)
    assert preferred_texts(campaign) == ["First 1", "Second 1"]
    assert [j.shown_left for j in Judgment.objects.order_by("pk")] == ["a", "b"]


def test_a_row_with_models_alone_finds_the_sides_by_them(campaign):
    import_rows(campaign, pair(comparison_id="c1"), kind="comparisons")
    row = {
        "comparison_id": "c1",
        "completion_a": {"model": "south"},
        "completion_b": {"model": "north"},
        "rater": "r",
        "preference": "a",
    }
    assert counts(import_rows(campaign, row)) == (1, 1, 0, 0)
    assert preferred_texts(campaign) == ["Second 0"]
    assert Completion.objects.filter(prompt__campaign=campaign).count() == 2


def test_texts_without_models_are_the_completions_that_are_known(campaign):
    import_rows(campaign, pair(), kind="comparisons")
    row = judgment(completion_a="Second 0", completion_b="First 0")
    assert counts(import_rows(campaign, row)) == (1, 1, 0, 0)
    assert Comparison.objects.filter(campaign=campaign).count() == 1
    assert preferred_texts(campaign) == ["Second 0"]


def test_our_own_ids_name_comparisons_and_prompts_too(campaign):
    import_rows(campaign, pair(), kind="comparisons")
    comparison = Comparison.objects.get(campaign=campaign)
    row = {"comparison_id": str(comparison.public_id), "rater": "r", "preference": "tie"}
    assert counts(import_rows(campaign, row)) == (1, 1, 0, 0)
    more = pair(5, prompt=None, prompt_id=str(comparison.prompt.public_id))
    assert counts(import_rows(campaign, more, kind="comparisons")) == (1, 1, 0, 0)
    assert Prompt.objects.filter(campaign=campaign).count() == 1


def test_a_prompt_is_known_by_its_id_or_by_its_text(campaign):
    import_rows(campaign, {"prompt": "P", "prompt_id": "p1"}, {"prompt": "Q"}, kind="prompts")
    job = import_rows(
        campaign,
        pair(1, prompt=None, prompt_id="p1"),
        pair(2, prompt="P"),
        pair(3, prompt="Q"),
        kind="comparisons",
    )
    assert counts(job) == (3, 3, 0, 0)
    assert Prompt.objects.filter(campaign=campaign).count() == 2


def test_every_pair_of_a_list_of_completions_is_made(campaign):
    row = {"prompt": "P", "completions": ["a", "b", {"text": "c", "model": "m"}]}
    assert counts(import_rows(campaign, row, row, kind="comparisons")) == (6, 3, 3, 0)
    assert Completion.objects.filter(prompt__campaign=campaign).count() == 3


def test_raters_get_a_seat_that_may_not_claim_and_a_pseudonym(campaign):
    import_rows(
        campaign,
        judgment(1, rater="anna@example.org", rater_groups={"region": "north"}),
        judgment(2, rater="anna@example.org"),
        judgment(1, rater="gpt", rater_kind="judge"),
    )
    seats = {seat.external_id: seat for seat in Seat.objects.filter(campaign=campaign)}
    assert set(seats) == {"anna@example.org", "gpt"}
    assert not any(seat.is_active for seat in seats.values())
    assert seats["anna@example.org"].groups == {"region": "north"}
    assert "anna" not in seats["anna@example.org"].pseudonym
    assert seats["gpt"].rater.kind == Rater.Kind.JUDGE


def test_one_rater_id_is_one_kind_of_rater(campaign):
    import_rows(campaign, judgment(1))
    job = import_rows(campaign, judgment(2, rater_kind="judge"), lenient=True)
    assert problems(job) == [(1, "rater_kind")]


def test_gold_is_kept_apart_in_the_words_of_the_table(campaign):
    import_rows(campaign, pair(1), kind="comparisons")
    gold = {"preference": "a", "strength": 1, "explanation": "It is right.", "clause": "T1"}
    job = import_rows(campaign, {**turned(pair(1)), "gold": gold}, kind="gold")
    assert counts(job) == (1, 1, 0, 0)
    known = Gold.objects.get()
    assert (known.preference, known.strength, known.explanation) == ("b", 1, "It is right.")
    assert known.clause == "T1"
    assert counts(import_rows(campaign, {**turned(pair(1)), "gold": gold}, kind="gold")) == (
        1,
        0,
        1,
        0,
    )
    other = import_rows(campaign, pair(1, gold=gold), kind="gold", lenient=True)
    assert problems(other) == [(1, "gold")]
    assert Gold.objects.get().preference == "b"


def test_a_second_answer_of_a_rater_is_kept_as_a_repeat_and_counted_as_a_warning(campaign):
    job = import_rows(campaign, judgment(), judgment(preference="b"), judgment(preference="tie"))
    assert counts(job) == (3, 3, 0, 0)
    assert job.result["warnings"] == 2
    repeats = Judgment.objects.order_by("pk").values_list("is_repeat", flat=True)
    assert list(repeats) == [False, True, True]


def test_what_is_no_text_is_imported_as_its_text_and_counted(campaign):
    job = import_rows(
        campaign,
        pair(1, completion_a=True, completion_b=3.5),
        pair(2, completion_a="", completion_b="x"),
        kind="comparisons",
    )
    assert counts(job) == (2, 2, 0, 0)
    assert job.result["warnings"] == 3
    found = Completion.objects.order_by("pk").values_list("messages", flat=True)
    assert [messages[0]["content"] for messages in found] == ["true", "3.5", "", "x"]


TEXTS = [
    "",
    "x" * 100_000,
    "مرحبا بالعالم\u202e\u202e reversed",
    "\u200b\u2060 zero width \U000e0041\U000e0042",
    "e" + "\u0301" * 200,
    "line\r\nends\rstay\n\n",
    '{"json": "inside"}',
    "\\u0000 is written out, no NUL",
    "\ufeff a BOM inside",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧‍👦",
]


def test_texts_are_kept_character_for_character(campaign):
    rows = [
        pair(n, completion_a={"text": text, "model": "m"}, completion_b="b")
        for n, text in enumerate(TEXTS)
    ]
    assert counts(import_rows(campaign, *rows, kind="comparisons"))[1] == len(TEXTS)
    stored = {
        row.prompt.messages[0]["content"]: row
        for row in Completion.objects.filter(source__model="m").select_related("prompt")
    }
    for n, text in enumerate(TEXTS):
        assert stored[f"Prompt {n}"].messages == [{"role": "assistant", "content": text}]
        assert stored[f"Prompt {n}"].char_count == len(text)


def test_where_a_chunk_ends_makes_no_difference(campaign, monkeypatch):
    rows = []
    for n in range(6):
        rows += [
            judgment(n, comparison_id=f"c{n}"),
            turned(judgment(n, rater="r2", comparison_id=f"c{n}")),
            judgment(n, rater="r3", completion_a=f"First {n}", completion_b=f"Second {n}"),
            {"comparison_id": f"c{n}", "rater": "r4", "preference": "a"},
            turned(judgment(n, rater="r5", comparison_id=None)),
            judgment(n, rater="r1", comparison_id=f"c{n}"),
            judgment(n, rater="r6", prompt_id=f"p{n}", preference="b"),
            judgment(n + 1, rater="r7", prompt=None, prompt_id=f"p{n}", preference="b"),
        ]
    data = lines(*rows)
    seen = []
    for size in (10_000, 1, 3):
        monkeypatch.setattr("labeling.actions.import_chunks.CHUNK_ROWS", size)
        one = factories.campaign(state="draft")
        job = import_file(one, data, lenient=True)
        seen.append(
            (
                job.result,
                problems(job),
                preferred_texts(one),
                Comparison.objects.filter(campaign=one).count(),
                Completion.objects.filter(prompt__campaign=one).count(),
            )
        )
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0]["imported"] > 40


def test_an_export_of_native_rows_comes_back_as_the_same_judgments(campaign):
    from labeling.formats.export_choice import choose
    from labeling.queries.export_rows import open_export

    import_rows(
        campaign,
        judgment(
            1, judgment_id="j1", comparison_id="c1", strength=2, created_at="2026-01-31T10:00:00Z"
        ),
        turned(judgment(1, judgment_id="j2", rater="r2", comparison_id="c1", rationale="x")),
        judgment(2, preference="tie"),
    )
    first = b"".join(open_export(campaign, choose({})))
    assert counts(import_file(campaign, first)) == (3, 0, 3, 0)
    fresh = factories.campaign(state="draft")
    assert counts(import_file(fresh, first)) == (3, 3, 0, 0)
    second = b"".join(open_export(fresh, choose({})))
    own = {"campaign", "rater", "judgment_id", "comparison_id", "prompt_id"}
    for one, other in zip(first.splitlines(), second.splitlines(), strict=True):
        before, after = orjson.loads(one), orjson.loads(other)
        assert {k: v for k, v in before.items() if k not in own} == {
            k: v for k, v in after.items() if k not in own
        }
        assert uuid.UUID(before["prompt_id"])


def test_judgments_without_times_were_made_at_no_time(campaign):
    import_rows(campaign, judgment(1), judgment(1, rater="r2"), judgment(2))
    refresh_report(campaign.pk)
    over_time = campaign.reports.get().body["over_time"]
    assert (over_time["undated_count"], over_time["by_day"], over_time["collected"]) == (3, [], [])
    import_rows(campaign, judgment(2, rater="r2", created_at="2026-01-31T10:00:00Z"))
    refresh_report(campaign.pk)
    over_time = campaign.reports.latest("computed_at").body["over_time"]
    assert over_time["undated_count"] == 3
    assert [count for _, count in over_time["by_day"]] == [1]
    assert [total for _, total in over_time["collected"]] == [3, 4]
