"""AZ-01: every address, by every verb it knows, for everybody who may come to it.

What each is answered stands in matrix.json, one letter for each actor: `o` the door is open (what
was sent may still be wrong), `x` sign in first, `h` there is no such thing, `r` refused. A new
address needs a row: look at what `THURSTONE_WRITE_MATRIX=1 pytest tests/access/test_matrix.py`
writes before it is kept. What must hold of every row, whatever the file says, is tested beside.
"""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import resolve
from django.utils import timezone

from labeling.actions.raters import suspend_rater
from labeling.actions.tokens import issue_token, revoke_token
from labeling.models import User
from tests import factories
from tests.access.lab import Lab, ask
from tests.access.routes import OWN, PUBLIC, address, routes

pytestmark = pytest.mark.django_db

FILE = Path(__file__).with_name("matrix.json")
PEOPLE = (
    *("nobody", "stranger", "member", "rater", "suspended", "reviewer", "researcher"),
    *("manager", "owner", "governor", "closed"),
)
TOKENS = ("read", "rate", "write", "admin", "elsewhere", "expired", "revoked")
API = "/api/v1/"
Actors = dict[str, tuple[Client, Client]]


def verbs_of(path: str) -> list[str]:
    """The verbs that an address knows; a page is asked by both, and says 405 to one."""
    actions = getattr(resolve(path).func, "actions", None)
    if path.startswith(API) and actions:
        return sorted(verb.upper() for verb in actions if verb != "head")
    return ["GET", "POST"]


def actors_of(path: str) -> tuple[str, ...]:
    return (*PEOPLE, *TOKENS) if path.startswith(API) else PEOPLE


@pytest.fixture
def actors(lab: Lab) -> Actors:
    """Everybody who may come, each with a browser and, but for nobody, a token."""
    campaign = lab.campaign
    people: dict[str, User | None] = {
        "nobody": None,
        "stranger": factories.user(of=factories.organisation(), role="owner"),
        "member": factories.user(of=campaign.organisation),
        "rater": factories.rater(campaign).rater.user,
        **{
            role: factories.member(campaign, role)
            for role in ("reviewer", "researcher", "manager", "owner")
        },
        "governor": factories.user(of=campaign.organisation, role="owner"),
        "closed": factories.user(of=campaign.organisation, role="owner"),
    }
    seat = factories.rater(campaign)
    suspend_rater(campaign=campaign, rater=seat.rater, by=None)
    people["suspended"] = seat.rater.user
    made = {name: _clients(person, "admin") for name, person in people.items()}
    User.objects.filter(pk=people["closed"].pk).update(is_active=False)  # type: ignore[union-attr]
    governor = people["governor"]
    assert governor is not None
    for scope in ("read", "rate", "write", "admin"):
        made[scope] = _clients(governor, scope)
    other = factories.campaign(of=campaign.organisation)
    made["elsewhere"] = _clients(governor, "admin", campaigns=[other])
    past = timezone.now() - timedelta(days=1)
    made["expired"] = _clients(governor, "admin", expires_at=past)
    token, text = issue_token(user=governor, scopes=["admin"], by=None)
    revoke_token(token=token, by=governor)
    made["revoked"] = (Client(), _bearing(text))
    return made


def _clients(person: User | None, *scopes: str, **more: Any) -> tuple[Client, Client]:
    browser = Client(raise_request_exception=False)
    if person is None:
        return browser, Client(raise_request_exception=False)
    browser.force_login(person)
    return browser, _bearing(issue_token(user=person, scopes=scopes, by=None, **more)[1])


def _bearing(text: str) -> Client:
    return Client(raise_request_exception=False, headers={"authorization": f"Bearer {text}"})


def letter(actors: Actors, actor: str, verb: str, name: str, path: str) -> str:
    """What the actor is answered; whatever it did is taken back."""
    browser, script = actors[actor]
    undone = transaction.atomic()
    undone._from_testcase = True  # type: ignore[attr-defined]
    cookies = browser.cookies.output()
    with undone:
        answer = ask(browser, script, verb, name, path)
        transaction.set_rollback(True)
    cache.clear()
    if browser.cookies.output() != cookies:
        browser.cookies.load(cookies.replace("Set-Cookie: ", ""))
    status = answer.status_code
    assert status < 500 or status == 503, (verb, path, actor, status)
    if status == 401 or (status == 302 and answer["Location"].startswith("/login/")):
        return "x"
    return {403: "r", 404: "h", 405: "-"}.get(status, "o")


def rows(lab: Lab, actors: Actors) -> Iterator[tuple[str, str, str]]:
    for name, parameters in sorted(set(routes())):
        path = address(name, parameters, lab.values)
        for verb in verbs_of(path):
            found = [letter(actors, actor, verb, name, path) for actor in actors_of(path)]
            if set(found) != {"-"}:
                yield name, verb, "".join(found)


@pytest.fixture
def found(lab: Lab, actors: Actors) -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = {}
    for name, verb, row in rows(lab, actors):
        table.setdefault(name, {})[verb] = row
    return table


@pytest.mark.timeout(1200)
def test_every_address_answers_everybody_as_the_matrix_says(found: Any) -> None:
    _hold_for_everybody(found)
    if os.environ.get("THURSTONE_WRITE_MATRIX"):
        head = {"people": PEOPLE, "tokens": TOKENS}
        lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
        FILE.write_text(f'{{"actors": {json.dumps(head)}, "routes": {{\n{lines}\n}}}}\n')
    known = json.loads(FILE.read_text())
    assert known["actors"] == {"people": list(PEOPLE), "tokens": list(TOKENS)}
    assert set(found) == set(known["routes"]), "an address without a row, or a row without one"
    changed = {name: (row, known["routes"][name]) for name, row in found.items()}
    assert {name: both for name, both in changed.items() if both[0] != both[1]} == {}


def _hold_for_everybody(found: dict[str, dict[str, str]]) -> None:
    """What no row of the file may say otherwise."""
    parameters = dict(routes())
    for name, verbs in found.items():
        if name in PUBLIC | {"logout", "account_logout"}:
            continue
        is_api = name.startswith("api:")
        for verb, row in verbs.items():
            who = dict(zip((*PEOPLE, *TOKENS) if is_api else PEOPLE, row, strict=True))
            where = (name, verb, row)
            # Who is not known, or no longer, gets no further than the door.
            assert who["nobody"] == who["closed"] == "x", where
            if is_api:
                assert who["expired"] == who["revoked"] == "x", where
            # What belongs to others does not exist, and what is theirs is not changed by reading.
            if parameters[name] and name not in OWN:
                for actor in ("stranger", "member", *(["elsewhere"] if is_api else [])):
                    assert who[actor] in "hr-", (*where, actor)
            if is_api and verb != "GET":
                assert who["read"] in "rh-", where


# The same thing by two roads: page and API, nested and flat.
TWICE = (
    (("campaign_prompts", "GET"), ("api:prompt-list", "GET")),
    (("campaign_comparison", "GET"), ("api:comparison-detail", "GET")),
    (("campaign_rater", "GET"), ("api:rater-detail", "GET")),
    (("campaign_rater", "POST"), ("api:rater-detail", "PATCH")),
    (("campaign_raters", "GET"), ("api:rater-list", "GET")),
    (("campaign_raters", "POST"), ("api:rater-list", "POST")),
    (("campaign_import_raters", "POST"), ("api:rater-import-file", "POST")),
    (("campaign_pause_rater", "POST"), ("api:rater-suspend", "POST")),
    (("campaign_resume_rater", "POST"), ("api:rater-reinstate", "POST")),
    (("campaign_qualify_rater", "POST"), ("api:rater-qualify", "POST")),
    (("campaign_rounds", "GET"), ("api:round-list", "GET")),
    (("campaign_open_round", "POST"), ("api:round-list", "POST")),
    (("campaign_close_round", "POST"), ("api:round-close", "POST")),
    (("campaign_freeze_round", "POST"), ("api:round-freeze", "POST")),
    (("campaign_register_model", "POST"), ("api:round-models", "POST")),
    (("campaign_generation", "GET"), ("api:generation-list", "GET")),
    (("campaign_generation", "POST"), ("api:generation-list", "POST")),
    (("campaign_generation_move", "POST"), ("api:generation-pause", "POST")),
    (("campaign_guidelines", "GET"), ("api:guideline-list", "GET")),
    (("campaign_guidelines_draft", "POST"), ("api:guideline-list", "POST")),
    (("campaign_review", "GET"), ("api:review-list", "GET")),
    (("campaign_review_one", "POST"), ("api:review-list", "POST")),
    (("campaign_settings", "POST"), ("api:campaign-detail", "PATCH")),
    (("campaign_imports", "POST"), ("api:import", "POST")),
    (("campaign_export", "GET"), ("api:export", "GET")),
    (("api:campaign-import-errors", "GET"), ("api:import-errors", "GET")),
)


@pytest.mark.parametrize(("one", "other"), TWICE)
def test_what_can_be_reached_by_two_roads_is_decided_alike(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    """AZ-02; the file is held to what is answered by the test before."""
    known = json.loads(FILE.read_text())["routes"]
    rows = [known[name][verb][: len(PEOPLE)] for name, verb in (one, other)]
    assert rows[0] == rows[1]
