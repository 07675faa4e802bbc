"""A campaign with everything in it, all its addresses' ids, and those who come to the door."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from labeling.actions.appeals import make_appeal
from labeling.actions.cases import open_case
from labeling.actions.claiming import claim_assignment
from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.actions.entry import make_entry_link
from labeling.actions.generation import start_generation
from labeling.actions.invitations import invite
from labeling.actions.judges import create_judge
from labeling.actions.rating import submit_judgment
from labeling.models import (
    Appeal,
    Assignment,
    Campaign,
    CaseEntry,
    Endpoint,
    EntryLink,
    Exclusion,
    GenerationRun,
    GuidelineReading,
    GuidelineVersion,
    Invitation,
    Job,
    Judge,
    Judgment,
    Membership,
    OrganisationMember,
    Round,
    Seat,
    Skill,
    Token,
    User,
)
from tests import factories
from tests.imports.files import import_file, lines, pair
from tests.web.building import SCHEMA, open_campaign, publish
from workers.metrics import refresh_report

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
LOUD = "zq-canary-opinion"


@dataclass
class Lab:
    """A campaign with everything in it, judged by a loud rater."""

    campaign: Campaign
    loud: Seat
    values: dict[str, Any] = field(default_factory=dict)


def make_lab() -> Lab:
    """The campaign, judged, held, imported into, generated for, appealed in."""
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
    judge = create_judge(
        campaign=campaign,
        endpoint=demo.name,
        name="zq-canary-judge",
        rubric="zq-canary-rubric",
        by=manager,
    )
    refresh_report(campaign.pk)
    factories.token(manager, "admin")
    link = make_entry_link(campaign=campaign, kind="other", name="zq", wanted=1, by=None)
    comparison = judgment.comparison
    token = Token.objects.get(user=manager).public_id
    values = {
        "key": "c0ffee",
        "pk": 1,
        "uidb36": "1",
        "user_id": loud.rater.user.public_id,  # type: ignore[union-attr]
        "invitation_id": _invitation(campaign, manager).public_id,
        "slug": campaign.slug,
        "uidb64": "MQ",
        "token": "c0ffee-0",
        "given": "c0ffee:0:0",
        "number": 1,
        "verb": "pause",
        "job_id": job.public_id,
        "run_id": run.public_id,
        "rater_id": loud.rater.public_id,
        "judge_id": judge.public_id,
        "appeal_id": make_appeal(judgment=judgment, rater=loud.rater, reason=LOUD).public_id,
        "token_id": token,
        "case_id": open_case(
            campaign=campaign, rater=loud.rater, by=manager, text="zq-canary-case"
        ).public_id,
        "code": link.code,
        "link_id": link.public_id,
        "section": "agreement",
        "table": "measures",
        "campaign_report_chart.section": "planner",
        "chart": "power",
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
        "api:completion-raw.id": comparison.completion_a.public_id,
        "api:comparison-detail.id": comparison.public_id,
        "api:rater-detail.id": loud.rater.public_id,
        "api:rater-suspend.id": loud.rater.public_id,
        "api:rater-reinstate.id": loud.rater.public_id,
        "api:rater-qualify.id": loud.rater.public_id,
        "api:round-detail.id": Round.objects.filter(campaign=campaign).latest("pk").public_id,
        "kind": "calibration",
        "api:round-close.id": Round.objects.filter(campaign=campaign).latest("pk").public_id,
        "round_id": Round.objects.filter(campaign=campaign).latest("pk").public_id,
        "notification_id": uuid.uuid4(),
        **{
            f"api:round-{what}.id": Round.objects.filter(campaign=campaign).latest("pk").public_id
            for what in ("freeze", "models")
        },
        "endpoint_id": demo.public_id,
        "api:endpoint-detail.id": demo.public_id,
        "api:endpoint-test.id": demo.public_id,
        "api:token-detail.id": token,
        **{
            f"api:judge-{what}.id": judge.public_id
            for what in ("detail", "ask", "pause", "resume", "retire")
        },
        **{
            f"api:generation-{what}.id": run.public_id
            for what in (
                *("detail", "cancel", "pause", "resume", "retry"),
                *("pause-model", "resume-model"),
            )
        },
    }
    return Lab(campaign, loud, values)


def _invitation(campaign: Campaign, by: User) -> Invitation:
    return invite(
        organisation=campaign.organisation,
        campaign=campaign,
        email="zq-invited@example.org",
        role="rater",
        by=by,
    )[0]


def nowhere(values: dict[str, Any]) -> dict[str, Any]:
    """The same addresses with ids of nothing at all."""
    same = {"uidb64", "uidb36", "key", "pk", "token", "verb", "number"}
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
        list(CaseEntry.objects.order_by("pk").values("pk", "kind", "text")),
        list(Exclusion.objects.order_by("pk").values("pk", "agreed_at", "undone_at")),
        GuidelineReading.objects.count(),
        list(Membership.objects.order_by("pk").values("pk", "role")),
        list(Token.objects.order_by("pk").values("pk", "revoked_at")),
        list(GenerationRun.objects.order_by("pk").values("pk", "state")),
        list(Judge.objects.order_by("pk").values("pk", "state", "name")),
        list(Endpoint.objects.order_by("pk").values("pk", "name")),
        list(Job.objects.order_by("pk").values("pk", "status", "is_cancel_requested")),
        list(Round.objects.order_by("pk").values("pk", "state")),
        list(EntryLink.objects.order_by("pk").values("pk", "closed_at")),
        list(Skill.objects.order_by("pk").values("pk", "level")),
        GuidelineVersion.objects.count(),
        User.objects.count(),
        list(Invitation.objects.order_by("pk").values("pk", "digest", "revoked_at")),
        list(OrganisationMember.objects.order_by("pk").values("pk", "role")),
        list(User.objects.order_by("pk").values("pk", "is_active", "email", "password")),
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
