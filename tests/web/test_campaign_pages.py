"""The pages of campaigns: what managers and researchers see and do, and who may not."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeling.actions.imports import run_import
from labeling.actions.jobs import start_job
from labeling.models import Campaign, Gold, Job, Judgment, Membership, Seat, User
from labeling.queries.progress import newest_report, progress
from tests import factories
from tests.judging import judged
from workers.metrics import refresh_report, run_report

pytestmark = pytest.mark.django_db

ANSWERS = {
    "ann": ["a", "a", "a", "a", "b"],
    "bob": ["a", "a", "a", "b", "b"],
    "cat": ["a", "a", "b", "tie", "b"],
}


def as_(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page(client: Client, name: str, *args: Any, **query: str) -> str:
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200, response.content[:2000]
    return response.content.decode()


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=3, name="Everyday <b>helpfulness</b>")


@pytest.fixture
def manager(campaign: Campaign) -> User:
    return factories.member(campaign, "manager", "marit")


@pytest.fixture
def researcher(campaign: Campaign) -> User:
    return factories.member(campaign, "researcher", "aisha")


# Every address below /campaigns/, and how it is asked for.
ADDRESSES: list[tuple[str, str]] = [
    ("GET", "campaigns"),
    ("GET", "campaign_new"),
    ("POST", "campaign_new"),
    ("GET", "campaign"),
    ("GET", "campaign_live"),
    ("POST", "campaign_state"),
    ("POST", "campaign_open_round"),
    ("POST", "campaign_recompute"),
    ("GET", "campaign_prompts"),
    ("GET", "campaign_comparison"),
    ("GET", "campaign_datasets"),
    ("GET", "campaign_export"),
    ("GET", "campaign_imports"),
    ("POST", "campaign_imports"),
    ("GET", "campaign_import"),
]


def address(name: str, campaign: Campaign) -> str:
    if name in {"campaigns", "campaign_new"}:
        return reverse(name)
    args: list[Any] = [campaign.slug]
    if name == "campaign_comparison":
        args.append(campaign.comparisons.first().public_id)  # type: ignore[union-attr]
    if name == "campaign_import":
        args.append(uuid.uuid4())
    return reverse(name, args=args)


@pytest.mark.parametrize(("method", "name"), ADDRESSES)
def test_raters_and_strangers_find_nothing_and_others_sign_in(method, name, campaign):
    judged(campaign, ANSWERS)
    url = address(name, campaign)
    rater = User.objects.get(username="ann")
    response = as_(rater).generic(method, url)
    assert response.status_code == 404
    assert "helpfulness" not in response.content.decode()
    if name not in {"campaigns", "campaign_new"}:
        # A manager elsewhere sees exactly what they would of a campaign that does not exist.
        stranger = factories.member(factories.campaign(), "manager")
        owner = factories.user(of=factories.organisation(), role="owner")
        for other in (stranger, owner):
            response = as_(other).generic(method, url)
            unknown = as_(other).generic(method, url.replace(campaign.slug, "no-such-campaign"))
            assert response.status_code == unknown.status_code == 404
            assert "helpfulness" not in response.content.decode()
    response = Client().generic(method, url)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("name", [name for method, name in ADDRESSES if method == "POST"])
def test_researchers_read_and_change_nothing(name, campaign, researcher):
    if name == "campaign_new":
        pytest.skip("a researcher with no organisation to govern is told so in its own test")
    before = (campaign.state, Job.objects.count(), campaign.rounds.count())
    factories.comparison(campaign)
    response = as_(researcher).post(address(name, campaign), {"state": "paused"})
    assert response.status_code == 403
    campaign.refresh_from_db()
    assert (campaign.state, Job.objects.count(), campaign.rounds.count()) == before
    shown = page(as_(researcher), "campaign", campaign.slug)
    assert "Pause" not in shown
    assert "Recompute" not in shown


def test_a_researcher_may_not_start_a_campaign(researcher):
    assert as_(researcher).get(reverse("campaign_new")).status_code == 403
    assert "New campaign" not in page(as_(researcher), "campaigns")


@pytest.mark.parametrize(
    "name", ["campaign_state", "campaign_open_round", "campaign_recompute", "campaign_imports"]
)
def test_a_forged_request_changes_nothing(name, campaign, manager):
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)
    assert client.post(address(name, campaign), {"state": "paused"}).status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == "active"


@pytest.mark.parametrize("name", ["campaign_state", "campaign_open_round", "campaign_recompute"])
def test_looking_changes_nothing(name, campaign, manager):
    assert as_(manager).get(address(name, campaign)).status_code == 405


def test_the_dashboard_shows_the_numbers_of_known_judgments(campaign, manager):
    judged(campaign, ANSWERS)
    refresh_report(campaign.pk)
    shown = page(as_(manager), "campaign", campaign.slug)
    # Ten of fifteen pairs of raters agree; 9 wins and a tie of 15 votes.
    assert "66.7 %" in shown
    assert "63.3 %" in shown
    assert "15 of 15" in shown
    report = newest_report(campaign)
    assert report is not None
    alpha = report.body["agreement"]["krippendorff_alpha_ordinal"]["value"]
    assert f"{alpha:.2f}" in shown
    names = re.findall(r'<th scope="row">(\d · [\w-]+)</th>', shown)
    assert names == ["1 · model-one", "2 · model-two"]
    assert re.findall(r'class="step ([ab]\d)" title="[^"]*">(\d+)<', shown) == [
        ("a2", "63"),
        ("b2", "37"),
    ]
    for seat in Seat.objects.filter(campaign=campaign):
        assert seat.pseudonym in shown
    for name in ANSWERS:
        assert f">{name}<" not in shown
        assert f"{name} judged" not in shown
    assert "judged 5 comparisons" in shown
    assert 'class="chart"' in shown
    assert "Show as a table" in shown


def test_texts_of_others_are_shown_as_text(campaign, manager):
    nasty = "<script>alert(1)</script>"
    comparison = factories.comparison(
        campaign, nasty, "fine", models=(nasty, '"><img src=x>'), prompt_text=nasty
    )
    client = as_(manager)
    for shown in (
        page(client, "campaigns"),
        page(client, "campaign", campaign.slug),
        page(client, "campaign_prompts", campaign.slug),
        page(client, "campaign_comparison", campaign.slug, comparison.public_id),
    ):
        assert "<b>helpfulness" not in shown
        assert nasty not in shown
        assert "<img src=x" not in shown
        assert "style=" not in shown
        assert not re.search(r"\son\w+=", shown)


def test_a_campaign_without_judgments_says_so(campaign, manager):
    for _ in range(2):
        shown = page(as_(manager), "campaign", campaign.slug)
        assert "0 of 0" in shown
        assert "Nobody has judged yet" in shown
        refresh_report(campaign.pk)


def test_simulated_campaigns_and_raters_and_attribution_are_marked_wherever_shown():
    campaign = factories.campaign(
        overlap=2, is_simulated=True, attribution="Study of Somebody, CC BY 4.0"
    )
    comparison = judged(campaign, {"ann": ["a"], "bob": ["b"]})[0]
    Seat.objects.get(campaign=campaign, rater__user__username="ann").rater.__class__.objects.filter(
        user__username="ann"
    ).update(is_simulated=True)
    refresh_report(campaign.pk)
    client = as_(factories.member(campaign, "researcher"))
    pages: list[tuple[str, list[Any]]] = [
        ("campaigns", []),
        ("campaign", [campaign.slug]),
        ("campaign_prompts", [campaign.slug]),
        ("campaign_comparison", [campaign.slug, comparison.public_id]),
        ("campaign_datasets", [campaign.slug]),
        ("campaign_imports", [campaign.slug]),
    ]
    for name, args in pages:
        shown = page(client, name, *args)
        assert "Simulated raters" in shown, name
        assert "Study of Somebody, CC BY 4.0" in shown, name
    shown = page(client, "campaign", campaign.slug)
    assert shown.count(">simulated</span>") >= 2
    assert ">simulated</span>" in page(
        client, "campaign_comparison", campaign.slug, comparison.public_id
    )
    report = newest_report(campaign)
    assert report is not None
    assert report.body["is_simulated"] is True
    response = client.get(reverse("campaign_export", args=[campaign.slug]))
    assert "-simulated-" in response["Content-Disposition"]
    b"".join(response)


def test_live_parts_come_only_when_something_is_new(campaign, manager):
    judged(campaign, ANSWERS)
    refresh_report(campaign.pk)
    client = as_(manager)
    seen = re.search(
        r'"seen": "([^"]+)"', page(client, "campaign", campaign.slug).replace("&quot;", '"')
    )
    assert seen is not None
    url = reverse("campaign_live", args=[campaign.slug])
    assert client.get(url, {"seen": seen[1]}).status_code == 204
    judgment = Judgment.objects.last()
    assert judgment is not None
    campaign.judgments.create(
        comparison=judgment.comparison, rater=factories.rater(campaign).rater, preference="a"
    )
    refresh_report(campaign.pk)
    response = client.get(url, {"seen": seen[1]})
    shown = response.content.decode()
    assert response.status_code == 200
    assert "16 of 16" in shown
    assert shown.count('hx-swap-oob="true"') == 5
    assert "<html" not in shown


def test_progress_counts_what_came_after_the_report(campaign):
    judged(campaign, ANSWERS)
    report = newest_report(campaign)
    assert report is None
    assert progress(campaign, None).done == 15
    refresh_report(campaign.pk)
    report = newest_report(campaign)
    assert progress(campaign, report).done == 15
    more = factories.open_comparisons(campaign, 2)
    rater = Seat.objects.get(campaign=campaign, rater__user__username="ann").rater
    gold = factories.comparison(campaign)
    Gold.objects.create(comparison=gold, preference="a")
    for comparison in (more[0], gold):
        campaign.judgments.create(comparison=comparison, rater=rater, preference="a")
    now = progress(campaign, report)
    assert (now.done, now.open, now.held, now.waiting) == (16, 6, 0, 0)
    refresh_report(campaign.pk)
    assert progress(campaign, newest_report(campaign)).done == 16


def test_pausing_resuming_and_starting(campaign, manager):
    client = as_(manager)
    url = reverse("campaign_state", args=[campaign.slug])
    assert client.post(url, {"state": "paused"}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    assert "Resume" in page(client, "campaign", campaign.slug)
    waiting = factories.comparison(campaign)
    client.post(url, {"state": "active"})
    campaign.refresh_from_db()
    assert campaign.state == "active"
    waiting.refresh_from_db()
    assert waiting.round is not None
    for wrong in ("archived", "draft", "", "nonsense"):
        assert client.post(url, {"state": wrong}).status_code == 400


def test_opening_a_round(campaign, manager):
    client = as_(manager)
    url = reverse("campaign_open_round", args=[campaign.slug])
    assert client.post(url).status_code == 409
    factories.comparison(campaign)
    assert "1 comparison waits to be opened" in page(client, "campaign", campaign.slug)
    assert client.post(url).status_code == 302
    assert campaign.rounds.count() == 1
    assert "3" in page(client, "campaign", campaign.slug)


def test_recomputing_by_hand(campaign, manager):
    judged(campaign, {"ann": ["a"]})
    as_(manager).post(reverse("campaign_recompute", args=[campaign.slug]))
    job = Job.objects.get(campaign=campaign, kind="report")
    run_report(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert newest_report(campaign) is not None


def test_a_new_campaign_from_the_form():
    owner = factories.user(of=factories.organisation(), role="owner")
    client = as_(owner)
    assert "New campaign" in page(client, "campaigns")
    given = {
        "name": "Round four",
        "slug": "",
        "description": "A try",
        "scale": "4",
        "tie": "on",
        "rationale": "required",
        "overlap": "2",
        "criteria": "Helpful: does what was asked\nTruthful",
    }
    response = client.post(reverse("campaign_new"), given)
    made = Campaign.objects.get(name="Round four")
    assert response["Location"] == reverse("campaign_imports", args=[made.slug])
    assert (made.state, made.overlap, made.created_by) == ("draft", 2, owner)
    assert made.schema["scale"] == 4
    assert made.schema["both_bad"] is False
    assert [(c["key"], c["label"]) for c in made.schema["criteria"]] == [
        ("helpful", "Helpful"),
        ("truthful", "Truthful"),
    ]
    assert Membership.objects.filter(campaign=made, user=owner, role="owner").exists()
    page(client, "campaign", made.slug)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "required"),
        ("slug", "taken", "exists"),
        ("slug", "new", "taken by a page"),
        ("slug", "not a slug", "valid"),
        ("overlap", "0", "greater than or equal to 1"),
        ("scale", "5", "valid choice"),
        ("criteria", "Same\nsame", "the same name"),
        ("criteria", "x" * 200, "length"),
    ],
)
def test_a_form_that_cannot_be_used_says_where_and_why(field, value, says):
    owner = factories.user(of=factories.organisation(), role="owner")
    factories.campaign(slug="taken")
    given = {"name": "N", "scale": "7", "rationale": "off", "overlap": "3"} | {field: value}
    response = as_(owner).post(reverse("campaign_new"), given)
    assert response.status_code == 422
    assert says in response.content.decode()
    assert Campaign.objects.count() == 1


def test_comparisons_come_in_pages_both_ways(campaign, researcher):
    made = [factories.comparison(campaign, prompt_text=f"Question {k:02d}!") for k in range(60)]
    client = as_(researcher)
    seen: list[str] = []
    shown = page(client, "campaign_prompts", campaign.slug)
    firsts = [shown]
    while True:
        seen += re.findall(r"Question (\d\d)!", shown)
        if not (cursor := re.search(r"\?after=([0-9a-f-]+)", shown)):
            break
        shown = page(client, "campaign_prompts", campaign.slug, after=cursor[1])
        firsts.append(shown)
    assert seen == [f"{k:02d}" for k in range(60)]
    assert len(firsts) == 3
    cursor = re.search(r"\?before=([0-9a-f-]+)", shown)
    assert cursor is not None
    back = page(client, "campaign_prompts", campaign.slug, before=cursor[1])
    assert re.findall(r"Question (\d\d)!", back) == [f"{k:02d}" for k in range(25, 50)]
    assert str(made[0].pk) not in re.findall(r"after=(\w+)", shown)
    url = reverse("campaign_prompts", args=[campaign.slug])
    assert client.get(url, {"after": "nonsense"}).status_code == 404
    assert client.get(url, {"after": str(uuid.uuid4())}).status_code == 404


def test_a_comparison_of_another_campaign_is_not_found(campaign, researcher):
    other = factories.comparison(factories.campaign())
    url = reverse("campaign_comparison", args=[campaign.slug, other.public_id])
    assert as_(researcher).get(url).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_downloads_are_the_export():
    campaign = factories.campaign(overlap=2)
    judged(campaign, {"ann": ["a", "b"], "bob": ["a", "tie"]})
    client = as_(factories.member(campaign, "researcher"))
    shown = page(client, "campaign_datasets", campaign.slug)
    assert f"/api/v1/campaigns/{campaign.slug}/export/?layout=trl" in shown
    assert "load_dataset" in shown
    url = reverse("campaign_export", args=[campaign.slug])
    for layout, expected in (("native", 4), ("trl", 3)):
        response = client.get(url, {"layout": layout})
        assert response.headers["Content-Disposition"].startswith("attachment")
        lines = [json.loads(line) for line in b"".join(response).splitlines()]
        assert len(lines) == expected
    assert set(lines[0]) == {"prompt", "chosen", "rejected", "margin"}
    assert client.get(url, {"layout": "nonsense"}).status_code == 400


def upload(rows: list[dict[str, Any]]) -> SimpleUploadedFile:
    return SimpleUploadedFile("pairs.jsonl", "\n".join(map(json.dumps, rows)).encode())


GOOD = {"prompt": "Why?", "completions": [{"text": "x", "model": "m"}, {"text": "y", "model": "n"}]}


@pytest.mark.django_db(transaction=True)
def test_a_file_is_uploaded_and_its_lines_told(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    campaign = factories.campaign()
    client = as_(factories.member(campaign, "manager"))
    url = reverse("campaign_imports", args=[campaign.slug])
    rows = [GOOD, {"prompt": 3, "completions": []}]
    response = client.post(
        url,
        {"file": upload(rows), "kind": "comparisons", "layout": "native", "lenient": "on"},
    )
    assert response.status_code == 302
    job = Job.objects.get(campaign=campaign, kind="import")
    waiting = client.get(response["Location"]).content.decode()
    assert 'hx-trigger="every 1s"' in waiting
    taken = start_job(job_id=job.pk)
    assert taken is not None
    run_import(job=taken)
    done = client.get(response["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in done
    assert "hx-trigger" not in done
    assert "1 imported" in done
    assert "1 left out" in done
    assert '<td class="num">2</td>' in done
    assert "pairs.jsonl" in client.get(url).content.decode()
    assert "Why?" in page(client, "campaign_prompts", campaign.slug)
    foreign = factories.campaign()
    stranger = as_(factories.member(foreign, "manager"))
    assert stranger.get(response["Location"]).status_code == 404
    crossed = reverse("campaign_import", args=[foreign.slug, job.public_id])
    assert stranger.get(crossed).status_code == 404


def test_an_upload_beyond_the_limit_is_refused_and_not_kept(settings, tmp_path):
    settings.MEDIA_ROOT, settings.IMPORT_MAX_BYTES = str(tmp_path), 10
    campaign = factories.campaign()
    client = as_(factories.member(campaign, "manager"))
    fields = {"file": upload([GOOD]), "kind": "comparisons", "layout": "native"}
    response = client.post(reverse("campaign_imports", args=[campaign.slug]), fields)
    assert response.status_code == 413
    assert "At most 10 bytes" in response.content.decode()
    assert not Job.objects.exists()
    assert not list(tmp_path.iterdir())


def test_an_upload_without_a_file_says_so(campaign, manager):
    url = reverse("campaign_imports", args=[campaign.slug])
    response = as_(manager).post(url, {"kind": "comparisons", "layout": "native"})
    assert response.status_code == 422
    assert "required" in response.content.decode()
    assert not Job.objects.exists()


@pytest.fixture
def cost_of() -> Callable[[Client, str], int]:
    def measure(client: Client, url: str) -> int:
        client.get(url)
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url).status_code in {200, 204}
        return len(caught)

    return measure


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("campaigns", 8),
        ("campaign", 18),
        ("campaign_live", 16),
        ("campaign_prompts", 10),
        ("campaign_datasets", 8),
        ("campaign_imports", 8),
    ],
)
def test_the_number_of_queries_does_not_grow_with_the_rows(name, most, cost_of):
    costs = []
    for size in (2, 9):
        campaign = factories.campaign(overlap=2)
        person = factories.member(campaign, "manager")
        judged(
            campaign,
            {f"ann{size}": ["a", "tie"] * size, f"bob{size}": ["b", "a"] * size},
        )
        for _ in range(size if name == "campaigns" else 0):
            more = factories.campaign(of=campaign.organisation)
            Membership.objects.create(campaign=more, user=person, role="manager")
        refresh_report(campaign.pk)
        costs.append(cost_of(as_(person), address(name, campaign)))
    assert costs[0] == costs[1] <= most


def test_a_paused_campaign_can_be_completed(campaign, manager):
    client = as_(manager)
    address_ = reverse("campaign_state", args=[campaign.slug])
    assert 'value="completed"' not in page(client, "campaign", campaign.slug)
    client.post(address_, {"state": "paused"})
    assert 'value="completed"' in page(client, "campaign", campaign.slug)
    client.post(address_, {"state": "completed"})
    campaign.refresh_from_db()
    assert campaign.state == "completed"
    assert "completed the campaign" in page(client, "campaign", campaign.slug)


def test_what_waits_in_a_completed_campaign_is_not_announced(campaign, manager):
    factories.comparison(campaign)
    client = as_(manager)
    assert "1 comparison waits to be opened" in page(client, "campaign", campaign.slug)
    Campaign.objects.filter(pk=campaign.pk).update(state="completed")
    shown = page(client, "campaign", campaign.slug)
    assert "to be opened" not in shown
    assert "Open round" not in shown
