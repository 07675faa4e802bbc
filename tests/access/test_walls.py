"""What others judged, and what belongs to others, does not exist: on every address, by every verb.

BL-05 and the promise of walls. The addresses come from the URL table, so a new one is held to it.
"""

import re
import uuid
from typing import Any

import pytest
from django.utils import timezone

from labeling.actions.adjudications import adjudicate
from labeling.models import (
    Adjudication,
    Assignment,
    AuditEvent,
    Completion,
    Image,
    Membership,
    OrganisationMember,
    Rater,
)
from tests import factories
from tests.access.lab import LOUD, VERBS, Lab, ask, clients, nowhere, state
from tests.access.routes import OWN, PUBLIC, address, routes
from tests.web.building import CANARIES

pytestmark = pytest.mark.django_db(transaction=True)

SECRETS = (*CANARIES, LOUD, "zq-canary-file", "zq-canary-judge", "zq-canary-rubric")
# What a rater of the campaign is for, besides their own account and tokens: to read, to send.
RATERS_READ = {
    *("home", "account", "profile", "rate_home", "rate", "undo", "rate_guidelines"),
    "rate_recorded",
    *("rate_news", "rate_answers"),
    *("api:campaign-list", "api:campaign-detail", "api:token-list", "api:endpoint-list"),
}
RATERS_SEND = {
    *("logout", "account", "preferences", "rate", "skip", "undo"),
    *("profile", "profile_demographics"),
    *("api:claim", "api:token-list"),
    *("rate_ahead", "rate_hold", "rate_leave", "rate_draft", "rate_news"),
}
RATERS_READ |= OWN
RATERS_SEND |= OWN
# Addresses that are the same for everybody: each sees and makes what is their own there.
OF_THE_CALLER = {
    "home",
    "logout",
    "account",
    "preferences",
    "profile",
    "profile_demographics",
    "rate_home",
    "rate_recorded",
    "campaigns",
    "campaign_new",
    "endpoints",
}
OF_THE_CALLER |= OWN
OF_THE_CALLERS_TOKEN = {"api:campaign-list", "api:token-list", "api:endpoint-list"}


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
            if not parameters or name in PUBLIC | OWN:
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
        for name, parameters in routes():
            if name not in OF_THE_CALLER | OF_THE_CALLERS_TOKEN:
                continue
            if name in {"logout", "account_logout"}:
                continue
            path = address(name, parameters, lab.values)
            said = ask(browser, script, "GET", name, path).said
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
        "judges": lab.campaign.judges,
        "images": Image.objects.filter(campaign=lab.campaign),
        "reviews": Adjudication.objects.filter(campaign=lab.campaign),
    }
    adjudicate(
        comparison=lab.campaign.comparisons.exclude(round=None).first(),  # type: ignore[arg-type]
        by=Membership.objects.filter(campaign=lab.campaign, role="manager").get().user,
        preference="tie",
    )
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
        if name in PUBLIC | {"logout", "account_logout"}:
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
    assert not re.search(r"sign_?up|(?<!campaign_)register|join", names)
    browser.post("/login/", {"username": "new", "password": "a long password"})
    browser.post("/welcome/MQ/c0ffee-0/", {"new_password1": "x", "new_password2": "x"})
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
