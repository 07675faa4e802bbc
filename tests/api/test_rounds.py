"""`…/rounds/`: opened by rule, closed, frozen with a hash that can be checked, trained on."""

import hashlib

import pytest

from labeling.actions.claiming import claim_assignment
from labeling.actions.judgments import withdraw_judgment
from labeling.actions.rating import submit_judgment
from labeling.models import AuditEvent, Job, Judgment, Round, Snapshot
from tests import factories
from workers.snapshots import run_freeze

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign():
    made = factories.campaign()
    for _ in range(4):
        prompt = factories.prompt(made)
        for model in ("ash", "birch", "cedar"):
            factories.completion(prompt, f"{model} on {prompt.pk}", model)
    return made


@pytest.fixture
def path(campaign):
    return f"campaigns/{campaign.slug}/rounds/"


@pytest.fixture
def call(campaign, call_as):
    return call_as(factories.member(campaign, "manager"), "write")


def judge_all(campaign):
    rater = factories.rater(campaign).rater
    while claimed := claim_assignment(rater=rater, campaign=campaign):
        submit_judgment(rater=rater, assignment_id=claimed.public_id, answer={"side": "left"})


def frozen(call, path, round_id):
    """What the job of a freeze came to."""
    asked = call.post(f"{path}{round_id}/freeze/")
    assert asked.status_code == 202, asked.content
    job = Job.objects.get(public_id=asked.json()["id"])
    run_freeze(job.pk)
    return call.get(f"jobs/{job.public_id}/").json()


def test_a_round_is_opened_by_rule_and_says_how(call, path):
    opened = call.post(
        path,
        {
            "name": "May",
            "pairing": "baseline",
            "pairing_settings": {"baseline": "birch", "uniform_share": 0.1},
            "budget": 18,
            "overlap": 2,
            "stop_rule": "posterior",
            "max_overlap": 4,
            "stop_at": 0.9,
            "anchor": "birch",
            "seed": 7,
        },
    )
    assert opened.status_code == 201, opened.content
    row = opened.json()
    assert (row["pairing"], row["budget"], row["anchor"]) == ("baseline", 18, "birch")
    assert (row["stop_rule"], row["max_overlap"], row["stop_at"]) == ("posterior", 4, 0.9)
    assert row["pairing_settings"]["baseline"] == "birch"
    # Planned at three judgments each.
    assert Round.objects.get().comparisons.count() in (5, 6)
    assert call.get(f"{path}{row['id']}/").json() == row


def test_what_cannot_be_names_its_field(call, path):
    for sent, field in (
        ({"pairing": "best"}, "pairing"),
        ({"pairing": "adjacent"}, "pairing"),
        ({"pairing": "baseline"}, "pairing_settings.baseline"),
        ({"stop_at": 0.9}, "stop_at"),
        ({"keep": -1}, "keep"),
        ({"kind": "calibration", "items": 0}, "items"),
        ({"kind": "production", "items": 3}, "items"),
        ({"seed": "x"}, "seed"),
    ):
        answer = call.post(path, sent)
        assert answer.status_code in {400, 422}, (sent, answer.content)
        assert answer.json()["errors"][0]["field"] == field, sent
    assert not Round.objects.exists()


def test_a_frozen_round_has_the_hash_of_its_rows_for_ever(call, call_as, path, campaign):
    first = call.post(path, {"pairing": "all", "budget": 5}).json()
    judge_all(campaign)
    other = call.post(path, {"pairing": "all", "budget": 4}).json()
    judge_all(campaign)
    assert call.post(f"{path}{first['id']}/freeze/").status_code == 409
    call.post(f"{path}{first['id']}/close/")
    told = frozen(call, path, first["id"])
    assert told["status"] == "succeeded"
    snapshot = Snapshot.objects.get()
    assert told["result"]["sha256"] == snapshot.sha256
    assert told["result"]["judgments"] == 5
    manifest = snapshot.manifest
    assert (manifest["round"], manifest["judgments"], manifest["comparisons"]) == (1, 5, 5)
    assert manifest["guideline_versions"] == {"none": 5}
    assert (snapshot.rule, snapshot.filters) == ("each", {"round": 1})
    # The export's own lines of that round, in their order, have that hash.
    export = call.get(f"campaigns/{campaign.slug}/export/?layout=native&rule=each")
    lines = b"".join(export.streaming_content).splitlines(keepends=True)
    of_first = b"".join(line for line in lines if b'"round":1,' in line.replace(b" ", b""))
    assert hashlib.sha256(of_first).hexdigest() == snapshot.sha256
    # Again without a change it is the same one; after one it is a new number.
    assert frozen(call, path, first["id"])["result"]["number"] == 1
    judgment = Judgment.objects.filter(comparison__round__number=1).first()
    withdraw_judgment(judgment=judgment, reason="slip", by=factories.member(campaign, "manager"))
    assert frozen(call, path, first["id"])["result"]["number"] == 2
    second = Snapshot.objects.get(number=2)
    assert (second.supersedes, second.manifest["judgments"]) == (snapshot, 4)
    snapshot.refresh_from_db()
    assert snapshot.manifest["judgments"] == 5
    assert AuditEvent.objects.filter(verb="dataset.frozen").count() == 2
    assert other["number"] == 2


def test_two_clicks_are_one_job_and_a_second_worker_records_nothing_new(call, path, campaign):
    first = call.post(path, {"pairing": "all"}).json()
    judge_all(campaign)
    call.post(f"{path}{first['id']}/close/")
    one, again = (call.post(f"{path}{first['id']}/freeze/").json()["id"] for _ in range(2))
    assert one == again
    job = Job.objects.get(public_id=one)
    run_freeze(job.pk)
    run_freeze(job.pk)
    assert Snapshot.objects.count() == 1


def test_a_round_nobody_judged_and_a_qualification_are_not_frozen(call, path):
    first = call.post(path, {"pairing": "all"}).json()
    call.post(f"{path}{first['id']}/close/")
    refused = call.post(f"{path}{first['id']}/freeze/")
    assert refused.status_code == 409
    assert "Nobody has judged" in refused.json()["detail"]


def test_a_model_is_registered_once_and_listed_with_its_round(call, path, campaign):
    first = call.post(path, {"pairing": "all"}).json()
    sent = {"name": "ash-2", "base": "ash", "note": "DPO"}
    made = call.post(f"{path}{first['id']}/models/", sent)
    assert made.status_code == 201, made.content
    assert call.post(f"{path}{first['id']}/models/", sent).json() == made.json()
    clash = call.post(f"{path}{first['id']}/models/", sent | {"base": "birch"})
    assert clash.status_code == 409
    assert call.post(f"{path}{first['id']}/models/", {"name": " "}).status_code in {400, 422}
    (row,) = call.get(f"{path}{first['id']}/").json()["models"]
    assert (row["name"], row["base"], row["dataset"]) == ("ash-2", "ash", None)


def test_who_may_not(call, call_as, path, campaign):
    first = call.post(path, {"pairing": "all"}).json()
    below = ("", f"{first['id']}/close/", f"{first['id']}/freeze/", f"{first['id']}/models/")
    reader = call_as(factories.member(campaign, "researcher"), "write")
    narrow = call_as(factories.member(campaign, "manager"), "read")
    stranger = call_as(factories.user(), "write")
    for one in below:
        assert reader.post(f"{path}{one}", {"name": "x"}).status_code == 403
        assert narrow.post(f"{path}{one}", {"name": "x"}).status_code == 403
        assert stranger.post(f"{path}{one}", {"name": "x"}).status_code == 404
    assert Round.objects.count() == 1
