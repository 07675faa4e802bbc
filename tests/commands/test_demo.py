"""`manage.py demo`: what is there after it, after a second run, and where it refuses."""

import io
import json
import stat
import threading
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.models import Count, F

from labeling.actions.campaigns import create_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.demo import ACCOUNTS, RATER_NAMES
from labeling.actions.raters import take_seat
from labeling.actions.rating import submit_judgment
from labeling.management.demo import downloads, password
from labeling.management.demo.downloads import PUBLISHED, PublishedFile, download
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    Case,
    Gold,
    Judgment,
    Membership,
    Organisation,
    Prompt,
    Rater,
    Seat,
    User,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home(settings, tmp_path: Path, monkeypatch) -> Path:
    """The settings of a demo with a folder of its own and no studies."""
    settings.DEMO = True
    settings.HOME = tmp_path
    monkeypatch.delenv("THURSTONE_DATA", raising=False)
    monkeypatch.delenv("DEMO_PASSWORD", raising=False)
    return tmp_path


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def kept_password(home: Path) -> str:
    return str(json.loads((home / "demo.json").read_text())["password"])


def test_in_production_mode_it_refuses_and_makes_nothing(settings, tmp_path):
    settings.HOME = tmp_path
    with pytest.raises(CommandError, match="production mode"):
        run()
    assert not User.objects.exists()
    assert not Organisation.objects.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_demo_is_whole_and_a_second_run_and_a_reset_keep_their_word(home, client):
    text = run()
    assert kept_password(home) in text
    assert set(Campaign.objects.values_list("slug", flat=True)) == {
        "demo-completed",
        "demo-active",
        "demo-conversations",
        "demo-steps",
        "demo-writing",
        "demo-rounds",
        "demo-generation",
    }
    _accounts_sign_in(home, client)
    _finished_campaign_is_judged_by_simulated_raters_alone()
    _two_rounds_show_a_managers_week(home, client)
    _open_campaigns_wait_for_the_raters()
    _a_run_of_generation_has_finished()
    _a_second_run_keeps_what_is_there(home)
    _a_reset_loads_it_anew(home)


def _accounts_sign_in(home: Path, client) -> None:
    people = User.objects.filter(is_simulated=False)
    assert set(people.values_list("username", flat=True)) == set(ACCOUNTS)
    for name in ("admin", "rater8"):
        assert client.login(username=name, password=kept_password(home))
    roles = Membership.objects.filter(campaign__slug="demo-active")
    held = set(roles.values_list("user__username", "role"))
    assert held == {
        ("manager", "owner"),
        ("researcher", "researcher"),
        *((name, "rater") for name in RATER_NAMES),
    }


def _finished_campaign_is_judged_by_simulated_raters_alone() -> None:
    campaign = Campaign.objects.get(slug="demo-completed")
    assert campaign.is_simulated
    assert campaign.state == "completed"
    judgments = Judgment.objects.filter(campaign=campaign)
    comparisons = campaign.comparisons.annotate(judged=Count("judgments"))
    assert comparisons.count() > 100
    assert not comparisons.exclude(judged=campaign.overlap).exists()
    # Through the queue: each has its assignment, under the guidelines, by a marked rater.
    assert not judgments.filter(assignment=None).exists()
    assert not judgments.filter(guideline_version=None).exists()
    assert not judgments.filter(rater__is_simulated=False).exists()
    assert not judgments.filter(rater__user__is_simulated=False).exists()
    assert judgments.values("rater").distinct().count() == 12
    # Their times are the database's, not made up.
    assert not judgments.filter(judged_at__lt=F("created_at") - timedelta(seconds=1)).exists()
    body = campaign.reports.latest().body
    assert body["is_simulated"] is True
    assert body["judgment_count"] == judgments.count()
    board = [row["model"] for row in body["leaderboard"]]
    assert (board[0], board[-1], len(board)) == ("larch-large", "aspen-draft", 5)
    assert body["agreement"]["krippendorff_alpha_ordinal"]["low"] > 0
    _it_shows_arms_and_groups(campaign, body)


def _it_shows_arms_and_groups(campaign: Campaign, body) -> None:
    arms = {row["name"]: row for row in body["presentation_experiment"]["arms"]}
    assert set(arms) == {"at once", "as written"}
    assert all(row["judgment_count"] > 150 for row in arms.values())
    assert body["presentation_experiment"]["not_honoured_count"] == 0
    assert body["presentation_experiment"]["contrasts"]["streaming"]["value"] is not None
    (backgrounds,) = body["groups"]
    assert [row["group"] for row in backgrounds["groups"]] == ["code", "prose"]
    assert campaign.seats.filter(groups={"background": "code"}).count() == 6
    assert all(row["board"] for row in backgrounds["groups"])


def _two_rounds_show_a_managers_week(home: Path, client) -> None:
    campaign = Campaign.objects.get(slug="demo-rounds")
    first, second = campaign.rounds.order_by("number")
    assert (first.state, second.state, second.pairing) == ("closed", "open", "given")
    assert campaign.snapshots.filter(frozen_at__isnull=False).count() == 1
    assert campaign.trained_models.get().name == "larch-large"
    assert [one.number for one in campaign.guidelines.order_by("number")] == [1, 2]
    judged = Judgment.objects.filter(campaign=campaign)
    assert judged.filter(comparison__round=second).count() > 50
    assert judged.filter(comparison__gold__isnull=False).exists()
    assert judged.filter(is_repeat=True).exists()
    assert campaign.adjudications.count() == 1
    assert Case.objects.filter(seat__campaign=campaign).count() == 1
    client.login(username="manager", password=kept_password(home))
    stale = client.get("/campaigns/demo-rounds/guidelines/stale/").content.decode()
    assert "0 of 0 comparisons" not in stale
    for page in ("", "rounds/", "review/", "raters/", "guidelines/", "pay/", "activity/"):
        answer = client.get(f"/campaigns/demo-rounds/{page}")
        assert answer.status_code == 200, page


def _a_run_of_generation_has_finished() -> None:
    campaign = Campaign.objects.get(slug="demo-generation")
    run = campaign.generation_runs.get()
    assert run.state == "finished"
    assert run.slots.filter(state="filled").count() == 16
    assert campaign.comparisons.count() == 8
    # Nobody's first pair is one of made-up texts.
    assert not Membership.objects.filter(campaign=campaign, role="rater").exists()


def _open_campaigns_wait_for_the_raters() -> None:
    rater = User.objects.get(username="rater1")
    for slug in ("demo-active", "demo-conversations", "demo-steps", "demo-writing"):
        campaign = Campaign.objects.get(slug=slug)
        assert (campaign.state, campaign.is_simulated) == ("active", False)
        assert campaign.guidelines.get().number == 1
        assert not campaign.judgments.exists()
        assert Assignment.objects.filter(campaign=campaign, rater=None, ended_at=None).exists()
        seat = take_seat(user=rater, campaign=campaign)
        assert claim_assignment(rater=seat.rater, campaign=campaign) is not None
    gold = Gold.objects.filter(comparison__campaign__slug="demo-conversations")
    assert gold.filter(comparison__round=None).count() == 8
    assert gold.filter(comparison__round__kind="qualification").count() == 6
    _newcomers_practise_first()
    arms = Assignment.objects.filter(campaign__slug="demo-writing")
    assert set(arms.values_list("arm", flat=True)) == {"at once", "as written"}
    assert campaign.guidelines.get().examples
    languages = Prompt.objects.filter(campaign__slug="demo-active")
    assert {"en", "es", "hi", "ar"} <= set(languages.values_list("language", flat=True))
    assert all(
        len(messages) > 1
        for messages in Prompt.objects.filter(
            campaign__slug="demo-conversations", comparisons__gold=None
        ).values_list("messages", flat=True)
    )


def _newcomers_practise_first() -> None:
    campaign = Campaign.objects.get(slug="demo-conversations")
    qualified = Seat.objects.filter(campaign=campaign, qualified_at__isnull=False)
    names = set(qualified.values_list("rater__user__username", flat=True))
    assert names == {"rater1", "rater2", "rater3", "rater4"}
    newcomer = User.objects.get(username="rater5")
    item = claim_assignment(
        rater=take_seat(user=newcomer, campaign=campaign).rater, campaign=campaign
    )
    assert item is not None
    assert item.comparison.external_id == "practice-1"
    assert item.comparison.gold.clause == "H3"


def _judge_one() -> Judgment:
    campaign = Campaign.objects.get(slug="demo-active")
    seat = Seat.objects.get(campaign=campaign, rater__user__username="rater1")
    assignment = claim_assignment(rater=seat.rater, campaign=campaign)
    assert assignment is not None
    answer = {
        "side": "left",
        "strength": 2,
        "criteria": dict.fromkeys(("helpful", "truthful", "harmless"), "left"),
    }
    return submit_judgment(
        rater=seat.rater, assignment_id=assignment.public_id, answer=answer
    ).judgment


def _a_second_run_keeps_what_is_there(home: Path) -> None:
    mine = _judge_one()
    before = set(Campaign.objects.values_list("pk", flat=True)), Judgment.objects.count()
    password_before = kept_password(home)
    assert run().count(": kept") == 7
    assert (set(Campaign.objects.values_list("pk", flat=True)), Judgment.objects.count()) == before
    assert Judgment.objects.filter(pk=mine.pk).exists()
    assert kept_password(home) == password_before
    assert User.objects.count() == len(ACCOUNTS) + 12


def _a_reset_loads_it_anew(home: Path) -> None:
    organisation = Organisation.objects.get()
    own = create_campaign(
        organisation=organisation, by=User.objects.get(username="manager"), name="My own"
    )
    before = Campaign.objects.get(slug="demo-active").pk
    password_before = kept_password(home)
    run("--reset")
    assert Campaign.objects.get(slug="demo-active").pk != before
    assert not Judgment.objects.filter(rater__is_simulated=False).exists()
    assert Campaign.objects.filter(pk=own.pk).exists()
    assert Campaign.objects.count() == 8
    assert kept_password(home) == password_before
    assert AuditEvent.objects.filter(verb="demo.campaign_removed").count() == 7
    assert Rater.objects.filter(is_simulated=True).count() == 12


_FULL = """
CREATE FUNCTION refuse_after_forty() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (SELECT count(*) FROM labeling_judgment) >= 40 THEN RAISE 'no room'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_after_forty BEFORE INSERT ON labeling_judgment
FOR EACH ROW EXECUTE FUNCTION refuse_after_forty();
"""


def test_what_a_run_that_was_cut_short_left_is_made_good(home):
    """Stopped among the simulated raters, and stopped while a campaign was a draft."""
    with connection.cursor() as cursor:
        cursor.execute(_FULL)
    try:
        with pytest.raises(DatabaseError, match="no room"):
            run()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse_after_forty CASCADE")
    half = Campaign.objects.get(slug="demo-completed")
    assert (half.state, half.judgments.count()) == ("active", 40)
    draft = create_campaign(
        organisation=half.organisation, by=None, name="Half", slug="demo-active"
    )
    run()
    half.refresh_from_db()
    assert half.state == "completed"
    assert half.judgments.count() == half.comparisons.count() * half.overlap
    assert Campaign.objects.get(slug="demo-active").pk != draft.pk


def test_the_password_is_made_once_and_only_its_owner_can_read_it(home):
    made = password.demo_password()
    assert len(made.text) >= 12
    assert password.demo_password() == made
    assert stat.S_IMODE((home / "demo.json").stat().st_mode) == 0o600


def test_demo_password_sets_it(home, monkeypatch):
    first = password.demo_password()
    monkeypatch.setenv("DEMO_PASSWORD", "sesame open")
    given = password.demo_password()
    assert given.text == "sesame open"
    assert given.encoded != first.encoded
    assert kept_password(home) == "sesame open"
    assert stat.S_IMODE((home / "demo.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("spoilt", ["[not JSON", '["no object"]', ""])
def test_a_spoilt_password_file_is_written_anew(home, spoilt):
    (home / "demo.json").write_text(spoilt)
    made = password.demo_password()
    assert kept_password(home) == made.text


def test_a_folder_that_is_not_there_is_named(home, tmp_path):
    with pytest.raises(CommandError, match=r"no folder .*nowhere"):
        run("--data", str(tmp_path / "nowhere"))
    assert not User.objects.exists()


class _Publisher(BaseHTTPRequestHandler):
    files: dict[str, bytes] = {}

    def do_GET(self) -> None:
        body = self.files.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[str]:
    """Where small files are published."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Publisher)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def published(name: str, content: bytes, *, as_served: bytes | None = None) -> PublishedFile:
    served = content if as_served is None else as_served
    _Publisher.files = {**_Publisher.files, f"/some/repository/{name}": served}
    return PublishedFile(
        f"some/repository/{name}", "llmfao", name, len(content), sha256(content).hexdigest()
    )


def test_published_files_are_fetched_once_and_checked(origin, tmp_path):
    files = [published("good.csv", b"id\n1\n")]
    said: list[str] = []
    assert list(download(tmp_path, say=said.append, files=files, origin=origin)) == []
    assert (tmp_path / "llmfao/good.csv").read_bytes() == b"id\n1\n"
    assert said == ["fetched llmfao/good.csv"]
    # A second time nothing is asked for, so an origin that is gone does no harm.
    assert list(download(tmp_path, say=said.append, files=files, origin="http://127.0.0.1:9")) == []


@pytest.mark.parametrize(
    ("as_served", "says"),
    [(b"id\n2\n", "sha256"), (b"id\n1\n" * 9, "longer than the 5 bytes"), (b"id", "sha256")],
)
def test_a_file_that_differs_is_named_and_not_kept(origin, tmp_path, as_served, says):
    files = [published("bad.csv", b"id\n1\n", as_served=as_served), published("next.csv", b"id\n")]
    (failure,) = download(tmp_path, say=lambda line: None, files=files, origin=origin)
    assert failure.startswith("bad.csv: ")
    assert says in failure
    assert [path.name for path in (tmp_path / "llmfao").iterdir()] == ["next.csv"]


def test_a_file_that_is_not_there_and_a_host_that_is_away_are_told(origin, tmp_path):
    absent = PublishedFile("some/repository/absent.csv", "llmfao", "absent.csv", 1, "00")
    (failure,) = download(tmp_path, say=lambda line: None, files=[absent], origin=origin)
    assert "absent.csv answered 404" in failure
    away = "http://127.0.0.1:9"
    (failure,) = download(tmp_path, say=lambda line: None, files=[absent], origin=away)
    assert "127.0.0.1 cannot be reached" in failure


def test_every_published_file_is_pinned_to_a_commit():
    for file in PUBLISHED:
        owner, repository, commit, *_ = file.path.split("/")
        assert owner and repository
        assert len(commit) == 40
        assert len(file.sha256) == 64
    assert downloads.ORIGIN.startswith("https://")
