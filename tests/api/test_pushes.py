"""`POST …/completions/`: a training loop's samples, in front of raters soon after."""

import pytest
from django.db import connection

from labeling.actions.claiming import claim_assignment
from labeling.actions.import_turns import LOCK
from labeling.models import AuditEvent, Comparison, Completion, Prompt
from tests import factories, generating
from workers.imports import open_arrivals

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    campaign = factories.campaign()
    for number in range(3):
        factories.prompt(campaign, f"Question {number}", external_id=f"q-{number}")
    return campaign


@pytest.fixture
def call(campaign, call_as):
    return call_as(factories.member(campaign, "manager"), "write")


@pytest.fixture
def path(campaign):
    return f"campaigns/{campaign.slug}/completions/"


def rows(*texts, prompt="q-0", **more):
    return [{"prompt_id": prompt, "completion": text, **more} for text in texts]


def test_a_new_checkpoints_samples_are_before_a_rater_after_one_tick(campaign, call, path):
    for prompt in campaign.prompts.all():
        factories.completion(prompt, f"The old answer to {prompt.external_id}", "ckpt-100")
    body = {
        "model": "ckpt-200",
        "params": {"temperature": 1},
        "against": ["ckpt-100"],
        "completions": [
            {"prompt_id": f"q-{n}", "completion": f"The new answer to {n}"} for n in range(3)
        ],
    }
    answer = call.post(path, body)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["created"], told["refused"], told["comparisons"]) == (3, 0, 3)
    made = Completion.objects.filter(source__model="ckpt-200")
    assert {str(one.public_id) for one in made} == {row["id"] for row in told["results"]}
    assert {one.source.params["temperature"] for one in made} == {1}
    # The schedule's tick; the push rings for it besides.
    open_arrivals()
    seat = factories.rater(campaign)
    assert claim_assignment(rater=seat.rater, campaign=campaign) is not None
    assert campaign.rounds.get().comparisons.count() == 3
    made_pairs = Comparison.objects.filter(campaign=campaign)
    assert {(one.selection_policy, one.propensity) for one in made_pairs} == {("pushed", 1.0)}
    entry = AuditEvent.objects.get(verb="completion.pushed")
    assert entry.details["completions"] == 3


def test_the_same_rows_again_are_duplicates_and_make_nothing_new(campaign, call, path):
    body = {"model": "ckpt", "completions": rows("One.", "Two.")}
    first = call.post(path, body).json()
    assert [row["status"] for row in first["results"]] == ["created", "created"]
    assert first["comparisons"] == 1
    again = call.post(path, body).json()
    assert [row["status"] for row in again["results"]] == ["duplicate", "duplicate"]
    assert [row["id"] for row in again["results"]] == [row["id"] for row in first["results"]]
    assert again["comparisons"] == 0
    # A third sample of another batch meets both.
    third = call.post(path, {"model": "ckpt", "completions": rows("Three.")}).json()
    assert third["comparisons"] == 2
    assert AuditEvent.objects.filter(verb="completion.pushed").count() == 2


def test_a_key_repeated_gives_the_first_answer(campaign, call, path):
    body = {"model": "ckpt", "completions": rows("One.", "Two.")}
    first = call.post(path, body, **{"Idempotency-Key": "step-200"})
    again = call.post(path, body, **{"Idempotency-Key": "step-200"})
    assert again["Idempotent-Replayed"] == "true"
    assert first.json() == again.json()
    other = call.post(
        path, {"model": "ckpt", "completions": rows("Else.")}, **{"Idempotency-Key": "step-200"}
    )
    assert other.status_code == 422
    assert Completion.objects.count() == 2


def test_rows_that_cannot_be_used_are_told_by_field_and_the_others_stored(campaign, call, path):
    known = str(campaign.prompts.first().public_id)
    foreign = str(factories.prompt(factories.campaign(), "Elsewhere").public_id)
    sent = [
        {"prompt_id": "q-0", "completion": "Fine."},
        {"prompt_id": "nobody", "completion": "Lost."},
        {"id": foreign, "completion": "Lost."},
        {"id": "no uuid", "completion": "Lost."},
        {"id": known, "completion": "By its id."},
        {"prompt_id": "q-0"},
        {"prompt_id": "q-0", "completion": 7.5},
        {"prompt_id": "q-0", "completion": "x", "colour": "red"},
        {"prompt_id": "q-0", "completion": "x", "token_times": [5, 1]},
        "a row",
        {"prompt": "A question that is new", "completion": "Its answer.", "language": "en"},
    ]
    told = call.post(path, {"model": "ckpt", "completions": sent}).json()
    states = [row["status"] for row in told["results"]]
    assert states == [
        *("created", "refused", "refused", "refused", "created", "refused"),
        *("created", "refused", "refused", "refused", "created"),
    ]
    fields = [row["errors"][0]["field"] if row["errors"] else "" for row in told["results"]]
    assert fields == [
        *("", "prompt_id", "id", "id", "", "completion"),
        *("", "colour", "completion.token_times", "", ""),
    ]
    assert all(row["errors"] for row in told["results"] if row["status"] == "refused")
    assert Prompt.objects.get(campaign=campaign, language="en").messages[0]["content"] == (
        "A question that is new"
    )
    assert (told["created"], told["refused"]) == (4, 7)


def test_rows_may_come_with_their_times_and_names(campaign, call, path):
    row = {
        "prompt_id": "q-0",
        "completion": "Word by word.",
        "token_times": [120, 150, 190],
        "model": "ckpt-b",
        "params": {"top_p": 0.5},
        "finish_reason": "length",
    }
    assert call.post(path, {"completions": [row]}).json()["created"] == 1
    made = Completion.objects.get()
    assert (made.source.model, made.source.params) == ("ckpt-b", {"top_p": 0.5})
    assert (made.token_times, made.finish_reason) == ([120, 150, 190], "length")
    nameless = call.post(path, {"completions": rows("Whose?")}).json()
    assert nameless["results"][0]["errors"][0]["field"] == "model"


def test_which_pairs_are_made(campaign, call, path):
    assert call.post(path, {"model": "old", "completions": rows("Old.")}).json()["created"] == 1
    body = {"model": "ckpt", "completions": rows("One.", "Two.", "Old.")}
    assert call.post(path, {**body, "pairing": "none"}).json()["comparisons"] == 0
    # An equal text is paired with nothing of its own.
    against = {**body, "pairing": "against", "against": ["old"]}
    assert call.post(path, against).json()["comparisons"] == 2
    assert call.post(path, {**body, "against": ["old"]}).json()["comparisons"] == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"completions": []}, "completions"),
        ({"completions": rows("x") * 501}, "completions"),
        ({"pairing": "some"}, "pairing"),
        ({"pairing": "against"}, "against"),
        ({"against": ["nobody"]}, "against"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_batch_that_cannot_be_used_is_refused_whole(campaign, call, path, change, field):
    refused = call.post(path, {"model": "ckpt", "completions": rows("One."), **change})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"].startswith(field)
    assert not Completion.objects.exists()


def test_one_push_makes_so_many_pairs_and_no_more(campaign, call, path):
    # All samples of one prompt: each with each other.
    many = rows(*[f"Sample {n}." for n in range(250)])
    refused = call.post(path, {"model": "ckpt", "completions": many})
    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert error["field"] == "completions"
    assert "20,000 pairs" in error["message"]
    assert not Completion.objects.exists() and not Comparison.objects.exists()
    # What no pairs are made of, or fewer, is no trouble.
    assert call.post(path, {"model": "ckpt", "completions": many, "pairing": "none"}).json()[
        "created"
    ] == len(many)
    told = call.post(path, {"model": "one", "completions": rows("Alone."), "against": ["ckpt"]})
    assert told.json()["comparisons"] == len(many)


def test_who_may_not_push(campaign, path, call_as):
    body = {"model": "ckpt", "completions": rows("One.")}
    stranger = call_as(factories.user(of=factories.organisation(), role="owner"), "admin")
    rater = call_as(factories.rater(campaign).rater.user, "admin")
    for outsider in (stranger, rater):
        assert outsider.post(path, body).status_code == 404
    assert (
        call_as(factories.member(campaign, "researcher"), "admin").post(path, body).status_code
        == 403
    )
    assert (
        call_as(factories.member(campaign, "manager"), "read").post(path, body).status_code == 403
    )
    assert not Completion.objects.exists()


def test_a_batch_costs_the_same_whatever_its_size(
    campaign, call, path, django_assert_max_num_queries
):
    many = [{"prompt_id": f"q-{n % 3}", "completion": f"Answer {n}"} for n in range(300)]
    with django_assert_max_num_queries(40):
        told = call.post(path, {"model": "ckpt", "completions": many, "pairing": "none"}).json()
    assert told["created"] == 300


def test_a_run_under_way_keeps_no_push_waiting(campaign, call, path):

    run = generating.started(campaign, *generating.demo_pair(campaign))
    call.post(path, {"model": "ckpt", "completions": rows("One.", "Two.")})
    open_arrivals()
    assert campaign.rounds.get().comparisons.count() == 1
    run.refresh_from_db()
    assert run.state == "running"


def told_of(call, path, texts, **more):
    return call.post(path, {"model": "ckpt", "completions": texts, **more}).json()


def test_what_filters_leave_out_is_stored_makes_no_pairs_and_is_told(campaign, call, path):
    sent = [
        *rows("One.", "Two.", "  "),
        *rows("Cut off in the mid", finish_reason="length"),
        *rows("I cannot", finish_reason="content_filter"),
    ]
    told = told_of(call, path, sent)
    assert [row["left_out"] for row in told["results"]] == ["", "", "empty", "", ""]
    assert [row["marks"] for row in told["results"]] == [[], [], [], ["cut"], ["refused"]]
    # Four of the five are paired with one another.
    assert (told["created"], told["left_out"], told["comparisons"]) == (5, 1, 6)
    assert Completion.objects.get(finish_reason="length").marks == ["cut"]
    pairs = Comparison.objects.filter(campaign=campaign)
    empty = told["results"][2]["id"]
    assert not pairs.filter(completion_a__public_id=empty).exists()
    assert not pairs.filter(completion_b__public_id=empty).exists()
    # Sent again it is the same, and a later batch does not meet it either.
    again = told_of(call, path, sent)
    assert again["comparisons"] == 0 and again["duplicates"] == 5
    for row, before in zip(again["results"], told["results"], strict=True):
        assert row == {**before, "status": "duplicate"}
    assert told_of(call, path, rows("Three."))["comparisons"] == 4


def test_a_push_chooses_its_filters(campaign, call, path):
    campaign.prompts.filter(external_id="q-0").update(language="en")
    sent = [
        *rows(
            "A plain answer.", "", "我是一个语言模型我会尽力回答你的每一个问题请随时提问我们开始吧"
        ),
        *rows("I am Claude, made by Anthropic."),
        *rows("Cut off in the mid", finish_reason="length"),
    ]
    chosen = {"empty": "mark", "cut": "drop", "wrong_language": "drop", "names_maker": "mark"}
    told = told_of(call, path, sent, filters=chosen)
    found = ["", "", "wrong_language", "", "cut"]
    assert [row["left_out"] for row in told["results"]] == found
    assert told["results"][1]["marks"] == ["empty"]
    assert "names_maker" in told["results"][3]["marks"]
    assert told["comparisons"] == 3
    for wrong in ({"cut": "burn"}, {"dull": "drop"}):
        refused = call.post(path, {"model": "ckpt", "completions": sent, "filters": wrong})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["field"].startswith("filters")


def test_texts_that_are_nearly_the_same(campaign, call, path):
    call.post(path, {"model": "old", "completions": rows("one two three!", "Equal.")})
    sent = rows("One, two, three.", "one two... THREE", "Else.", "Equal.")
    body = {"against": ["old"], "filters": {"near_identical": "drop"}}
    told = told_of(call, path, sent, **body)
    # The first of a checkpoint's own stands for both; another model's is merely not met.
    assert [row["left_out"] for row in told["results"]] == ["", "near_identical", "", ""]
    assert [row["unpaired"] for row in told["results"]] == [
        {"near_identical": 1},
        {},
        {},
        {"identical": 1},
    ]
    # Three of its own with one another, and each with the old ones but its double.
    assert told["comparisons"] == 3 + 1 + 2 + 1
    # A sample of a later batch repeats the first one, too, whatever it is paired with.
    for pairing in ("all", "against"):
        later = told_of(call, path, rows("ONE two three?"), pairing=pairing, **body)
        assert (later["left_out"], later["comparisons"]) == (1, 0)
    marked = told_of(call, path, rows("Else!"), filters={"near_identical": "mark"})
    assert marked["results"][0]["marks"] == ["near_identical"]
    assert marked["comparisons"] == 5


def test_filters_mark_rows_of_which_no_pairs_are_made(campaign, call, path):
    told = told_of(call, path, rows("Cut off in", "", finish_reason="length"), pairing="none")
    assert [row["marks"] for row in told["results"]] == [["cut"], ["cut"]]
    assert [row["left_out"] for row in told["results"]] == ["", "empty"]


@pytest.fixture
def elsewhere():
    """A second connection to the database, in a transaction of its own."""
    other = connection.copy()
    other.set_autocommit(False)
    yield other.cursor()
    other.rollback()
    other.close()


def test_a_push_is_told_to_come_again_while_a_file_is_imported(campaign, call, path, elsewhere):
    elsewhere.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, campaign.pk])
    new = {"prompt": "A question of the file", "completion": "Its answer."}
    body = {"model": "ckpt", "completions": [new, *rows("One.")]}
    refused = call.post(path, body, **{"Idempotency-Key": "step-200"})
    assert refused.status_code == 409
    assert "send the same again after the import" in refused.json()["detail"]
    assert not Completion.objects.exists() and campaign.prompts.count() == 3
    elsewhere.connection.rollback()
    again = call.post(path, body, **{"Idempotency-Key": "step-200"})
    assert (again.status_code, again.json()["created"]) == (200, 2)


def test_an_import_waits_for_a_push_and_a_push_for_no_other(campaign, call, path, elsewhere):
    call.post(path, {"model": "ckpt", "completions": rows("One.")})
    # The push's transaction is the test's, and still open.
    for how, is_free in (("", False), ("_shared", True)):
        elsewhere.execute(f"SELECT pg_try_advisory_xact_lock{how}(%s, %s)", [LOCK, campaign.pk])
        assert elsewhere.fetchone() == (is_free,)
