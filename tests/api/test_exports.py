"""The live export by API: what it answers, who may have it, and that training tools read it."""

import contextlib
import io
import socket
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labeling.actions.raters import add_member
from labeling.actions.tokens import issue_token
from labeling.formats.importing import read_rows
from labeling.formats.rows import JudgmentRow
from labeling.models import Campaign
from labeling.queries.export_downloads import EXPORTS_AT_ONCE
from tests import factories
from tests.queries.export_campaign import judge, small_campaign

# The export has a connection of its own, which sees only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/campaigns/small/export/"


@pytest.fixture
def campaign() -> Campaign:
    return small_campaign()


@pytest.fixture
def read(call_as, campaign):
    return call_as(factories.member(campaign, "researcher"), "read").get


def body(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def rows(answer: Any) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in body(answer).splitlines()]


def headers(answer: Any) -> dict[str, str]:
    prefix = "X-Thurstone-"
    return {
        name.removeprefix(prefix): value
        for name, value in answer.headers.items()
        if name.startswith(prefix)
    }


def test_trl_rows_byte_for_byte(read):
    assert body(read(f"{PATH}?layout=trl")).decode() == (
        '{"prompt":[{"role": "user", "content": "Sky?"}],'
        '"chosen":[{"role": "assistant", "content": "Blue \\\\ “blue” \u2028."}],'
        '"rejected":[{"role": "assistant", "content": "Green."}],"margin":3}\n'
        '{"prompt":[{"role": "user", "content": "Sky?"}],'
        '"chosen":[{"role": "assistant", "content": "Blue \\\\ “blue” \u2028."}],'
        '"rejected":[{"role": "assistant", "content": "Green."}],"margin":1}\n'
        '{"prompt":[{"role": "user", "content": "Sea?"}],'
        '"chosen":[{"role": "assistant", "content": "Sweet."}],'
        '"rejected":[{"role": "assistant", "content": "Salt."}],"margin":2}\n'
    )


def test_an_edit_is_a_pair_of_its_own_when_asked(read):
    pair = {
        "prompt": [{"role": "user", "content": "Sky?"}],
        "chosen": [{"role": "assistant", "content": "Bluer."}],
        "rejected": [{"role": "assistant", "content": "Blue \\ “blue” \u2028."}],
        "margin": None,
    }
    assert rows(read(f"{PATH}?layout=trl&edits=only")) == [pair]
    added = rows(read(f"{PATH}?layout=trl&edits=add"))
    assert added[1] == pair
    assert added[:1] + added[2:] == rows(read(f"{PATH}?layout=trl"))


def test_hh_rows_byte_for_byte(read):
    assert body(read(f"{PATH}?layout=hh&rule=majority")).decode() == (
        '{"chosen":"\\n\\nHuman: Sky?\\n\\nAssistant: Blue \\\\ “blue” \u2028.",'
        '"rejected":"\\n\\nHuman: Sky?\\n\\nAssistant: Green."}\n'
        '{"chosen":"\\n\\nHuman: Sea?\\n\\nAssistant: Sweet.",'
        '"rejected":"\\n\\nHuman: Sea?\\n\\nAssistant: Salt."}\n'
    )


def test_the_answer_states_what_was_chosen_defaults_included(read):
    answer = read(PATH)
    assert answer["Content-Type"] == "application/x-ndjson"
    assert answer["Content-Disposition"] == 'attachment; filename="small-native-each.jsonl"'
    assert answer["Cache-Control"] == "no-store"
    assert headers(answer) == {
        "Layout": "native",
        "Rule": "each",
        "Ties": "keep",
        "Raters": "all",
        "Gold": "keep",
        "History": "0",
        "Edits": "drop",
        "Excluded": "leave_out",
        "Simulated": "0",
    }
    assert len(rows(answer)) == 7
    answer = read(f"{PATH}?layout=trl&rule=majority&ties=split")
    stated = headers(answer)
    assert (stated["Layout"], stated["Rule"], stated["Ties"]) == ("trl", "majority", "split")
    assert len(rows(answer)) == 2


def test_simulated_judgments_are_said_to_be(call_as):
    campaign = small_campaign(is_simulated=True)
    answer = call_as(factories.member(campaign, "researcher"), "read").get(PATH)
    assert headers(answer)["Simulated"] == "1"
    assert "small-simulated-native" in answer["Content-Disposition"]
    assert body(answer)


def test_head_gives_the_headers_alone(call_as, campaign):
    call = call_as(factories.member(campaign, "researcher"), "read")
    answer = call.client.head(f"{PATH}?layout=trl")
    assert (answer.status_code, answer.content) == (200, b"")
    assert headers(answer)["Ties"] == "drop"


@pytest.mark.parametrize("accepted", ["application/x-ndjson", "application/json", "*/*"])
def test_it_may_be_asked_for_by_its_type(call_as, campaign, accepted):
    call = call_as(factories.member(campaign, "researcher"), "read")
    assert body(call.client.get(PATH, headers={"accept": accepted}))
    refused = call.client.get(f"{PATH}?layout=xml", headers={"accept": accepted})
    assert refused.status_code == 400
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["errors"]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("layout=xml", "layout", "native, trl, hh"),
        ("layout=kto", "layout", "not available in this version"),
        ("rule=soft", "rule", "not available in this version"),
        ("rule=mood", "rule", "each, majority"),
        ("ties=maybe", "ties", "keep, drop, split"),
        ("colour=red", "colour", "layout, rule, ties"),
        ("format=csv", "format", "layout, rule, ties"),
        ("layout=trl&layout=hh", "layout", "more than once"),
        ("layout=trl&history=1", "history", "native"),
    ],
)
def test_another_word_is_a_problem_that_names_those_allowed(read, query, field, said):
    answer = read(f"{PATH}?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    (problem,) = answer.json()["errors"]
    assert problem["field"] == field
    assert said in problem["message"]


@pytest.mark.parametrize("role", ["owner", "manager", "researcher", "reviewer"])
def test_those_who_read_the_campaign_may_export(call_as, campaign, role):
    assert body(call_as(factories.member(campaign, role), "read").get(PATH))


@pytest.mark.parametrize("layout", ["native", "trl", "hh"])
def test_raters_and_strangers_learn_nothing_from_it(call_as, campaign, layout):
    """FAULTS BL-05: to a rater the export does not exist, whether the campaign does or not."""
    rater = factories.rater(campaign).rater.user
    stranger = factories.user(of=factories.organisation(), role="owner")
    for person in (rater, stranger):
        call = call_as(person, "admin")
        answer = call.get(f"{PATH}?layout={layout}")
        unknown = call.get(f"/api/v1/campaigns/nowhere/export/?layout={layout}")
        assert answer.status_code == unknown.status_code == 404
        assert answer.content == unknown.content
        assert not headers(answer)
        assert call.client.head(PATH).status_code == 404
        # Not even a mistake in the address is told before it is settled who asks.
        assert call.get(f"{PATH}?layout=xml").status_code == 404


def test_a_token_needs_the_scope_and_the_campaign(call_as, campaign):
    person = factories.member(campaign, "researcher")
    assert call_as(person, "rate").get(PATH).status_code == 403
    other = factories.campaign(of=campaign.organisation)
    add_member(campaign=other, user=person, role="researcher", by=None)
    for bound_to, status in ((campaign, 200), (other, 404)):
        _, text = issue_token(user=person, scopes=["read"], by=person, campaigns=[bound_to])
        answer = Client(headers={"authorization": f"Bearer {text}"}).get(PATH)
        assert answer.status_code == status
        answer.close()


def test_nobody_gets_it_without_a_token(call_as, campaign):
    answer = call_as().get(PATH)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    manager = factories.member(campaign, "manager")
    browser = Client()
    browser.force_login(manager)
    assert browser.get(PATH).status_code == 401


def test_it_cannot_be_posted_to(call_as, campaign):
    answer = call_as(factories.member(campaign, "manager"), "admin").post(PATH)
    assert answer.status_code in {403, 405}


def test_its_own_statements_do_not_grow_with_the_campaign(read, campaign):
    body(read(PATH))  # the connection's and the token's first use have statements of their own
    with CaptureQueriesContext(connection) as few:
        assert len(rows(read(PATH))) == 7
    rater = factories.rater(campaign).rater
    for _ in range(20):
        judge(factories.comparison(campaign), rater, "a")
    with CaptureQueriesContext(connection) as many:
        assert len(rows(read(PATH))) == 27
    assert len(few) == len(many) <= 5


def test_only_so_many_run_side_by_side_and_each_gives_its_place_back(read):
    running = [read(PATH) for _ in range(EXPORTS_AT_ONCE)]
    with contextlib.ExitStack() as places:
        for answer in running:
            places.callback(answer.close)
        refused = read(PATH)
        assert refused.status_code == 503
        assert int(refused["Retry-After"]) > 0
        # A reader who goes away half-way, or before the first byte.
        running[0].close()
        running[0].close()
        assert body(read(PATH))
    for _ in range(EXPORTS_AT_ONCE + 1):
        assert body(read(PATH))


def test_the_database_away_is_a_moment_not_a_fault(read, campaign, monkeypatch):
    read(PATH).close()
    limit = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(limit, "options", "-c default_transaction_isolation=nonsense")
    for _ in range(EXPORTS_AT_ONCE + 1):
        answer = read(PATH)
        assert answer.status_code == 503
        assert answer["Content-Type"] == "application/problem+json"
    monkeypatch.undo()
    assert body(read(PATH))


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("layout=trl", {"prompt", "chosen", "rejected", "margin"}),
        ("layout=hh", {"chosen", "rejected"}),
    ],
)
def test_hugging_face_datasets_reads_the_file(
    read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str, columns: set[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    from datasets import load_dataset

    file = tmp_path / "pairs.jsonl"
    file.write_bytes(body(read(f"{PATH}?{query}")))
    loaded = load_dataset(
        "json", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert set(loaded.column_names) == columns
    assert loaded.num_rows == 3
    last = loaded[2]
    if "prompt" in columns:
        assert last["prompt"] == [{"role": "user", "content": "Sea?"}]
        assert last["chosen"] == [{"role": "assistant", "content": "Sweet."}]
        assert last["rejected"] == [{"role": "assistant", "content": "Salt."}]
        assert loaded[0]["chosen"][0]["content"] == "Blue \\ “blue” \u2028."
    else:
        assert last["chosen"] == "\n\nHuman: Sea?\n\nAssistant: Sweet."


def test_the_native_file_comes_back_in_by_import(read):
    """What we write, we read: every row of the native export is a judgment row again."""
    data = body(read(PATH))
    back = list(read_rows(io.BytesIO(data), kind="judgments"))
    assert len(back) == 7
    assert all(isinstance(row, JudgmentRow) for row in back), back
    assert [row.preference for row in back if isinstance(row, JudgmentRow)] == [
        row["preference"] for row in (orjson.loads(line) for line in data.splitlines())
    ]


def test_the_list_of_comparisons_calls_a_and_b_what_the_export_does(read, campaign):
    rater = factories.rater(campaign).rater
    for turned in (True, False):
        judge(factories.comparison(campaign, is_turned=turned), rater, "a")
    listed = {
        row["comparison_id"] or row["id"]: (row["model_a"], row["model_b"])
        for row in read("campaigns/small/comparisons/").json()["results"]
    }
    exported = {row["comparison_id"]: (row["model_a"], row["model_b"]) for row in rows(read(PATH))}
    assert listed == exported
    assert len(set(exported.values())) == 2


def test_the_schema_lists_the_parameters(client):
    schema = client.get("/api/v1/schema/", headers={"accept": "application/json"}).json()
    (operation,) = (
        methods["get"]
        for path, methods in schema["paths"].items()
        if path.endswith("/campaigns/{slug}/export/")
    )
    named = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert set(named) == {
        "slug",
        "layout",
        "rule",
        "ties",
        "raters",
        "gold",
        "history",
        "edits",
        "excluded",
    }
    assert set(named["layout"]["schema"]["enum"]) == {"native", "trl", "hh"}
    assert "application/x-ndjson" in operation["responses"]["200"]["content"]


def test_page_and_api_stream_alike_and_end_a_write_without_headway(call_as, campaign):
    """One response for both doors: the same headers, and the same patience with a dead reader."""
    researcher = factories.member(campaign, "researcher")
    page = Client()
    page.force_login(researcher)
    answers = []
    for client, path in (
        (call_as(researcher, "read").client, PATH),
        (page, f"/campaigns/{campaign.slug}/datasets/export/"),
    ):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            answer = client.get(f"{path}?layout=trl", **{"gunicorn.socket": ours})
            assert ours.gettimeout() == 60
            lines = body(answer)
        head = client.head(f"{path}?layout=trl")
        assert not head.content
        assert headers(head) == headers(answer)
        answers.append((lines, answer["Content-Type"], head["Content-Type"], headers(answer)))
    assert answers[0] == answers[1]
