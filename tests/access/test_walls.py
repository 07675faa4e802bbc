"""What others judged, and what belongs to others, does not exist: on every address, by every verb.

BL-05 and the promise of walls. The addresses come from the URL table, so a new one is held to it.
"""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labeling.actions.appeals import make_appeal
from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.actions.generation import start_generation
from labeling.actions.rating import claim_assignment, submit_judgment
from labeling.models import (
    Appeal,
    Assignment,
    AuditEvent,
    Campaign,
    Completion,
    Endpoint,
    GenerationRun,
    GuidelineReading,
    GuidelineVersion,
    Image,
    Job,
    Judgment,
    Membership,
    OrganisationMember,
    Rater,
    Round,
    Seat,
    Token,
    User,
)
from tests import factories
from tests.access.routes import PUBLIC, address, routes
from tests.imports.files import import_file, lines, pair
from tests.web.building import CANARIES, SCHEMA, open_campaign, publish
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
LOUD = "zq-canary-opinion"
SECRETS = (*CANARIES, LOUD, "zq-canary-file")
# What a rater of the campaign is for, besides their own account and tokens: to read, to send.
RATERS_READ = {
    *("home", "account", "rate_home", "rate", "undo", "rate_guidelines"),
    "rate_recorded",
    *("rate_news", "rate_answers"),
    *("api:campaign-list", "api:campaign-detail", "api:token-list", "api:endpoint-list"),
}
RATERS_SEND = {
    *("logout", "account", "preferences", "rate", "skip", "undo"),
    *("api:claim", "api:token-list"),
    *("rate_ahead", "rate_hold", "rate_leave", "rate_draft", "rate_news"),
}
# Addresses that are the same for everybody: each sees and makes what is their own there.
OF_THE_CALLER = {
    "home",
    "logout",
    "account",
    "preferences",
    "rate_home",
    "rate_recorded",
    "campaigns",
    "campaign_new",
}
OF_THE_CALLERS_TOKEN = {"api:campaign-list", "api:token-list", "api:endpoint-list"}


@dataclass
class Lab:
    """A campaign with everything in it, judged by a loud rater."""

    campaign: Campaign
    loud: Seat
    values: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def lab() -> Lab:
    campaign = open_campaign(2, overlap=3, slug="zq-walls", name="Walled")
    publish(campaign, "## T1 zq-canary-clause\n\nBe fair.")
    loud = factories.rater(campaign, "zq-canary-rater")
    manager = factories.member(campaign, "manager")
    assignment = claim_assignment(rater=loud.rater, campaign=campaign)
    assert assignment is not None
    said = {"side": "left", "strength": 2, "rationale": LOUD}
    said["criteria"] = {criterion["key"]: "left" for criterion in SCHEMA["criteria"]}  # type: ignore[attr-defined]
    judgment = submit_judgment(
        rater=loud.rater, assignment_id=assignment.public_id, answer=said
    ).judgment
    held = claim_assignment(rater=loud.rater, campaign=campaign)
    assert held is not None
    job = import_file(campaign, lines(pair(7), {"prompt": 5}), "comparisons", lenient=True)
    job.imported_file.original_name = "zq-canary-file.jsonl"
    job.imported_file.save()
    demo = ensure_demo_endpoint(organisation=campaign.organisation)
    run = start_generation(
        campaign=campaign,
        endpoints=[demo.name],
        by=None,
        completions_per_prompt=2,
        pairing="all",
    )
    refresh_report(campaign.pk)
    factories.token(manager, "admin")
    comparison = judgment.comparison
    token = Token.objects.get(user=manager).public_id
    values = {
        "slug": campaign.slug,
        "uidb64": "MQ",
        "token": "c0ffee-0",
        "given": "c0ffee:0:0",
        "number": 1,
        "verb": "pause",
        "job_id": job.public_id,
        "run_id": run.public_id,
        "rater_id": loud.rater.public_id,
        "appeal_id": make_appeal(judgment=judgment, rater=loud.rater, reason=LOUD).public_id,
        "token_id": token,
        "comparison_id": comparison.public_id,
        "judgment_id": judgment.public_id,
        "api:import-errors.id": job.public_id,
        "api:campaign-import-errors.id": job.public_id,
        "api:job.id": job.public_id,
        "api:job-cancel.id": run.job.public_id,
        "api:judge.id": held.public_id,
        "api:skip.id": held.public_id,
        "api:heartbeat.id": held.public_id,
        "api:revise.id": judgment.public_id,
        "api:prompt-detail.id": comparison.prompt.public_id,
        "api:completion-detail.id": comparison.completion_a.public_id,
        "api:comparison-detail.id": comparison.public_id,
        "api:rater-detail.id": loud.rater.public_id,
        "api:rater-suspend.id": loud.rater.public_id,
        "api:rater-reinstate.id": loud.rater.public_id,
        "api:rater-qualify.id": loud.rater.public_id,
        "api:round-detail.id": Round.objects.filter(campaign=campaign).latest("pk").public_id,
        "api:round-close.id": Round.objects.filter(campaign=campaign).latest("pk").public_id,
        "api:endpoint-detail.id": demo.public_id,
        "api:token-detail.id": token,
        **{
            f"api:generation-{what}.id": run.public_id
            for what in ("detail", "cancel", "pause", "resume", "retry")
        },
    }
    return Lab(campaign, loud, values)


def nowhere(values: dict[str, Any]) -> dict[str, Any]:
    """The same addresses with ids of nothing at all."""
    same = {"uidb64", "token", "verb", "number"}
    return {
        name: value if name in same else "zq-no-such" if name == "slug" else uuid.uuid4()
        for name, value in values.items()
    }


def state() -> list[Any]:
    """Everything that a forbidden request might have changed."""
    return [
        list(Campaign.objects.order_by("pk").values("pk", "state", "name", "overlap")),
        list(Judgment.objects.order_by("pk").values("pk", "preference", "rationale")),
        list(Assignment.objects.order_by("pk").values("pk", "rater", "outcome")),
        list(Seat.objects.order_by("pk").values("pk", "is_active", "qualified_at")),
        list(Appeal.objects.order_by("pk").values("pk", "state", "answer")),
        GuidelineReading.objects.count(),
        list(Membership.objects.order_by("pk").values("pk", "role")),
        list(Token.objects.order_by("pk").values("pk", "revoked_at")),
        list(GenerationRun.objects.order_by("pk").values("pk", "state")),
        list(Endpoint.objects.order_by("pk").values("pk", "name")),
        list(Job.objects.order_by("pk").values("pk", "status", "is_cancel_requested")),
        list(Round.objects.order_by("pk").values("pk", "state")),
        GuidelineVersion.objects.count(),
        User.objects.count(),
    ]


def clients(person: User | None, *scopes: str) -> tuple[Client, Client]:
    """One who came by browser, and the same one with a token."""
    browser = Client(raise_request_exception=False)
    script = Client(raise_request_exception=False)
    if person is not None:
        browser.force_login(person)
        text = factories.token(person, *scopes)
        script = Client(raise_request_exception=False, headers={"authorization": f"Bearer {text}"})
    return browser, script


def ask(browser: Client, script: Client, verb: str, name: str, path: str) -> Any:
    is_api = path.startswith("/api/")
    client = script if is_api else browser
    body = b"{}" if is_api and verb in {"POST", "PUT", "PATCH"} else b""
    kind = "application/json" if is_api else "application/x-www-form-urlencoded"
    response: Any = client.generic(verb, path, body, content_type=kind)
    # Bytes as they went out, so that a streamed file is read too.
    response.said = b"".join(response) if response.streaming else response.content
    response.said += repr(sorted(response.items())).encode()
    return response


def test_a_rater_learns_nothing_of_what_others_did(lab: Lab) -> None:
    """BL-05: no page, fragment, list, count, export or id of another's leads to it."""
    quiet = factories.rater(lab.campaign)
    browser, script = clients(quiet.rater.user, "admin")
    before = state()
    for name, parameters in routes():
        if name in PUBLIC:
            continue
        path = address(name, parameters, lab.values)
        for verb in VERBS:
            is_read = verb in {"GET", "HEAD"}
            if name in RATERS_SEND and not is_read:
                continue
            response = ask(browser, script, verb, name, path)
            for secret in SECRETS:
                assert secret.encode() not in response.said, (verb, path, secret)
            assert lab.loud.pseudonym.encode() not in response.said, (verb, path)
            if name not in RATERS_READ or not is_read:
                assert response.status_code in {403, 404, 405}, (verb, path, response.status_code)
    after = state()
    # Looking at the bench took a lease, and that is all.
    assert [a for a in after[2] if a["rater"] != quiet.rater.pk] == [
        b for b, a in zip(before[2], after[2], strict=True) if a["rater"] != quiet.rater.pk
    ]
    assert after[:2] + after[3:] == before[:2] + before[3:]


@pytest.mark.parametrize("who", ["manager elsewhere", "member of the same organisation"])
def test_what_is_not_yours_answers_like_what_does_not_exist(lab: Lab, who: str) -> None:
    if who == "manager elsewhere":
        stranger = factories.member(factories.campaign(), "manager")
        own = factories.user(of=factories.organisation(), role="owner")
        people = [stranger, own]
    else:
        people = [factories.user(of=lab.campaign.organisation)]
    for person in people:
        browser, script = clients(person, "admin")
        before = state()
        unknown = nowhere(lab.values)
        for name, parameters in routes():
            if not parameters or name in PUBLIC:
                continue
            there = address(name, parameters, lab.values)
            none = address(name, parameters, unknown)
            for verb in VERBS:
                answer = ask(browser, script, verb, name, there)
                like = ask(browser, script, verb, name, none)
                assert answer.status_code in {403, 404, 405}, (verb, there, answer.status_code)
                assert answer.status_code == like.status_code, (verb, there)
                assert without_ids(answer.said) == without_ids(like.said), (verb, there)
        assert state() == before


def without_ids(said: bytes) -> str:
    """An answer without what differs from one to the next: tokens, and the address asked for."""
    text = re.sub(r'(csrfmiddlewaretoken" value=")\w+', r"\1", said.decode())
    text = re.sub(r"zq-walls|zq-no-such", "SLUG", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", text)
    return re.sub(r"'Content-Length', '\d+'", "", text)


def test_lists_hold_nothing_of_others(lab: Lab) -> None:
    for person in (
        factories.member(factories.campaign(), "manager"),
        factories.user(of=factories.organisation(), role="owner"),
    ):
        browser, script = clients(person, "admin")
        for name in OF_THE_CALLER | OF_THE_CALLERS_TOKEN:
            if name == "logout":
                continue
            said = ask(browser, script, "GET", name, address(name, (), {})).said
            for secret in (*SECRETS, "zq-canary-clause", "zq-walls", "Walled"):
                assert secret.encode() not in said, name


def test_no_list_tells_by_its_cursor_whether_a_foreign_row_exists(lab: Lab) -> None:
    own = factories.campaign()
    stranger = factories.member(own, "manager")
    OrganisationMember.objects.filter(user=stranger).update(role="manager")
    browser, script = clients(stranger, "admin")
    below: dict[str, Any] = {
        "prompts": lab.campaign.prompts,
        "completions": Completion.objects.filter(prompt__campaign=lab.campaign),
        "comparisons": lab.campaign.comparisons,
        "judgments": lab.campaign.judgments,
        "rounds": lab.campaign.rounds,
        "raters": Rater.objects.filter(seats__campaign=lab.campaign),
        "guidelines": lab.campaign.guidelines,
        "generations": lab.campaign.generation_runs,
        "images": Image.objects.filter(campaign=lab.campaign),
    }
    Image.objects.create(
        campaign=lab.campaign,
        source_hash=bytes(32),
        media_type="image/png",
        byte_count=1,
        width=1,
        height=1,
    )
    foreign = {
        f"/api/v1/campaigns/{own.slug}/{name}/": rows.values_list("public_id", flat=True).first()
        for name, rows in below.items()
    } | {
        "/api/v1/campaigns/": lab.campaign.public_id,
        "/api/v1/tokens/": lab.values["token_id"],
        "/api/v1/endpoints/": lab.values["api:endpoint-detail.id"],
        "/campaigns/": lab.campaign.public_id,
        f"/campaigns/{own.slug}/prompts/": lab.values["comparison_id"],
    }
    lists = [route for route in routes() if route[0].endswith("-list")]
    assert {address(*route, {"slug": own.slug}) for route in lists} <= set(foreign)
    assert None not in foreign.values()
    for path, row in foreign.items():
        for word in ("cursor=", "cursor=-") if path.startswith("/api/") else ("after=", "before="):
            there, none = (
                ask(browser, script, "GET", path, f"{path}?{word}{key}")
                for key in (row, uuid.uuid4())
            )
            assert there.status_code == none.status_code, (path, word)
            assert without_ids(there.said) == without_ids(none.said), (path, word)
            if word != "before=":
                assert there.status_code in {400, 404}, (path, word)


def test_who_is_not_known_gets_no_further_than_the_door(lab: Lab) -> None:
    browser, script = clients(None)
    before = state()
    for name, parameters in routes():
        if name in PUBLIC | {"logout"}:
            continue
        path = address(name, parameters, lab.values)
        for verb in VERBS:
            response = ask(browser, script, verb, name, path)
            if path.startswith("/api/"):
                assert response.status_code == 401, (verb, path)
            else:
                assert response.status_code == 302, (verb, path)
                assert response["Location"].startswith("/login/"), (verb, path)
    assert state() == before
    # Nobody makes themselves an account: there is no such address, and signing in makes none.
    names = " ".join(name for name, _ in routes())
    assert not re.search(r"sign_?up|register|join", names)
    browser.post("/login/", {"username": "new", "password": "a long password"})
    browser.post("/welcome/MQ/c0ffee-0/", {"new_password1": "x", "new_password2": "x"})
    assert state() == before


@pytest.mark.parametrize("forgery", ["none", "of another", "in a text/plain form"])
def test_no_page_takes_a_form_that_another_site_made_up(lab: Lab, forgery: str) -> None:
    """WV-05, on every page: the manager's browser is sent there by somebody else's page."""
    manager = Membership.objects.get(campaign=lab.campaign, role="manager").user
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)
    client.get("/login/")
    before = state()
    token = "x" * 64
    if forgery == "of another":
        other = Client()
        other.force_login(lab.loud.rater.user)  # type: ignore[arg-type]
        page = other.get("/account/").content.decode()
        found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
        assert found
        token = found.group(1)
    for name, parameters in routes():
        path = address(name, parameters, lab.values)
        if path.startswith(("/api/", "/healthz/", "/metrics")):
            continue
        for verb in ("POST", "PUT", "PATCH", "DELETE"):
            if forgery == "in a text/plain form":
                response = client.generic(verb, path, b'{"state": "paused"}', "text/plain")
            else:
                sent = "" if forgery == "none" else f"csrfmiddlewaretoken={token}"
                response = client.generic(
                    verb, path, sent.encode(), "application/x-www-form-urlencoded"
                )
            assert response.status_code == 403, (verb, path)
    assert state() == before
    assert client.get("/account/").status_code == 200


def test_the_api_does_not_know_a_browser_by_its_cookie(lab: Lab) -> None:
    """So that no page elsewhere can make a browser speak to it."""
    manager = Membership.objects.filter(campaign=lab.campaign, role="manager").first()
    assert manager is not None
    client = Client()
    client.force_login(manager.user)
    before = state()
    for name, parameters in routes():
        path = address(name, parameters, lab.values)
        if path.startswith("/api/v1/") and name not in PUBLIC:
            for verb in VERBS:
                kind = "text/plain" if verb == "POST" else "application/json"
                assert client.generic(verb, path, b"{}", kind).status_code == 401, (verb, path)
    assert state() == before


def test_looking_changes_nothing_but_the_lease(lab: Lab) -> None:
    """WV-05: no address changes anything when it is only read, whoever reads it."""
    manager = Membership.objects.filter(campaign=lab.campaign, role="manager").first()
    assert manager is not None
    quiet = factories.rater(lab.campaign)
    browser, script = clients(manager.user, "admin")
    rating, _ = clients(quiet.rater.user, "rate")
    before = state()
    events = AuditEvent.objects.count()
    began = timezone.now()
    for name, parameters in routes():
        path = address(name, parameters, lab.values)
        for verb in ("GET", "HEAD"):
            assert ask(browser, script, verb, name, path).status_code < 500, (verb, path)
            assert ask(rating, script, verb, name, path).status_code < 500, (verb, path)
    after = state()
    assert after[:2] + after[3:] == before[:2] + before[3:]
    mine = Assignment.objects.filter(rater=quiet.rater)
    assert [one.outcome for one in mine] == [None]
    assert Assignment.objects.exclude(rater=quiet.rater).filter(ended_at__gte=began).count() == 0
    assert AuditEvent.objects.count() == events
