"""PR-01 and PR-03: who raters are stands in no file and no figure, and no text stands in a log."""

import base64
import itertools
import json
import logging
from typing import Any

import pytest
from celery import current_app
from django.core.cache import cache
from django.test import Client

from labeling.actions.raters import take_seat
from labeling.actions.rounds import open_waiting
from labeling.errors import InvalidInputError
from labeling.formats import export_choice
from labeling.formats.export_rows import RULES, TIES
from labeling.formats.layouts import LAYOUTS
from labeling.models import Membership
from tests import factories
from tests.access.lab import LOUD, Lab, ask, clients, make_lab
from tests.access.routes import PUBLIC, address, routes
from tests.imports.files import import_file, lines
from tests.web.building import CANARIES, answer
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)

PERSON = ("zq-canary-first", "zq-canary-last", "zq-canary@example.org", "zq-canary-agent")
TALKATIVE = ("", "django", "django.request", "celery", "kombu", "httpx", "labeling", "workers")
NAMED = (*PERSON, "zq-canary-rater", "203.0.113.77")


@pytest.fixture
def named(lab: Lab) -> Lab:
    """The lab, where the loud rater has a name, a mail address, a browser and an address."""
    person = lab.loud.rater.user
    assert person is not None
    person.first_name, person.last_name, person.email = PERSON[:3]
    person.save()
    factories.comparison(lab.campaign, "One more", "Another")
    open_waiting(campaign=lab.campaign, by=None)
    client = Client(headers={"user-agent": PERSON[3]}, REMOTE_ADDR="203.0.113.77")
    client.force_login(person)
    bench = client.get(f"/rate/{lab.campaign.slug}/").content.decode()
    before = lab.campaign.judgments.count()
    client.post(f"/rate/{lab.campaign.slug}/", answer(bench))
    assert lab.campaign.judgments.count() == before + 1
    refresh_report(lab.campaign.pk)
    return lab


def exports() -> list[dict[str, str]]:
    """Every way to write judgments that has a meaning."""
    choices = {
        "layout": LAYOUTS,
        "rule": RULES,
        "ties": TIES,
        "raters": export_choice.RATERS,
        "gold": export_choice.GOLD,
        "history": export_choice.HISTORY,
        "edits": export_choice.EDITS,
        "excluded": export_choice.EXCLUDED,
    }
    made = []
    for words in itertools.product(*choices.values()):
        asked = dict(zip(choices, words, strict=True))
        try:
            made.append(export_choice.choose(asked).words())
        except InvalidInputError:
            continue
    return made


@pytest.mark.parametrize("role", ["researcher", "manager", "owner"])
def test_no_export_names_a_rater(named: Lab, role: str) -> None:
    _, script = clients(factories.member(named.campaign, role), "admin")
    path = f"/api/v1/campaigns/{named.campaign.slug}/export/"
    ways = exports()
    assert len(ways) > 50
    spoken = 0
    for way in ways:
        response: Any = script.get(path, way)
        said = b"".join(response)
        assert response.status_code == 200, way
        spoken += named.loud.pseudonym.encode() in said
        for secret in NAMED:
            assert secret.encode() not in said, (way, secret)
    assert spoken, "no export held a judgment of the rater"


@pytest.mark.parametrize("role", ["reviewer", "researcher"])
def test_no_page_or_figure_names_a_rater_to_those_who_do_not_manage_people(
    named: Lab, role: str
) -> None:
    browser, script = clients(factories.member(named.campaign, role), "admin")
    read = 0
    for name, parameters in routes():
        if name in PUBLIC | {"logout", "account_logout"}:
            continue
        path = address(name, parameters, named.values)
        response = ask(browser, script, "GET", name, path)
        read += response.status_code == 200
        for secret in NAMED:
            assert secret.encode() not in response.said, (name, secret)
    assert read > 20


def test_a_pseudonym_leads_to_no_other_campaign() -> None:
    one = factories.campaign()
    two = factories.campaign(of=one.organisation)
    seat = factories.rater(one)
    person = seat.rater.user
    assert person is not None
    Membership.objects.create(campaign=two, user=person, role="rater")
    other = take_seat(user=person, campaign=two)
    assert seat.rater == other.rater and seat.pseudonym != other.pseudonym
    # Without the campaign's secret it cannot be made again from what is public.
    for known in (str(seat.rater.public_id), seat.rater.public_id.hex):
        assert known[:8] not in seat.pseudonym + other.pseudonym
    _, script = clients(factories.member(one, "owner"), "admin")
    said = script.get(f"/api/v1/campaigns/{one.slug}/").content.decode()
    assert one.pseudonym_key not in said


def test_no_text_stands_in_a_log_or_before_a_worker(caplog: pytest.LogCaptureFixture) -> None:
    """Everything at the most talkative level: pages, API, imports that fail, tasks, the broker."""
    cache.clear()
    with current_app.connection_for_write() as connection:
        broker: Any = connection.default_channel
        broker = broker.client
        for logger in TALKATIVE:
            caplog.set_level(logging.DEBUG, logger=logger)
        lab = make_lab()
        wrong = {"prompt": "zq-canary-prompt", "completion_a": ["zq-canary-completion"]}
        import_file(lab.campaign, lines(wrong), "comparisons", lenient=True)
        manager = Membership.objects.filter(campaign=lab.campaign, role="manager").get().user
        for browser, script in (clients(manager, "admin"), clients(lab.loud.rater.user)):
            for name, parameters in routes():
                path = address(name, parameters, lab.values)
                for verb in ("GET", "POST"):
                    if name != "api:tokens":
                        ask(browser, script, verb, name, path)
        refresh_report(lab.campaign.pk)
        told = caplog.text
        messages = [one for queue in ("default", "llm") for one in broker.lrange(queue, 0, -1)]
    secrets = {*CANARIES, LOUD, "zq-canary-prompt", "zq-canary-completion", "zq-canary-clause"}
    secrets |= {"zq-canary-file", "zq-canary-case", "zq-invited@example.org"}
    assert told and messages
    assert [secret for secret in secrets if secret in told] == []
    for message in messages:
        args, kwargs, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
        assert all(isinstance(one, int) for one in args) and not kwargs, message[:300]
