"""A rater learns neither what a judge said nor that there is one, before and after answering."""

import json

import pytest

from labeling.actions.guidelines import publish_guidelines
from labeling.actions.judges import ask_judge
from labeling.models import Judgment
from tests import factories
from tests.access.routes import address, routes
from tests.judging.asking import drain, fine, judge
from tests.judging.playing import better, plays
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "zq-canary-of-the-judge"


def test_no_answer_to_a_rater_tells_of_the_judge(client, server):
    server.answer = plays(better, rationale=f"{CANARY}: this one.", confidence=0.9)
    campaign = factories.campaign(schema={"scale": 7, "rationale": "optional"}, overlap=1)
    publish_guidelines(campaign=campaign, by=None, body="## T1 Truth\n\nBe true.")
    fine(campaign, 2)
    one = judge(campaign, server, f"{CANARY}-name", rubric=f"{CANARY}-rubric")
    ask_judge(judge=one, by=None)
    drain(one)
    refresh_report(campaign.pk)
    assert all(CANARY in j.rationale for j in Judgment.objects.filter(rater=one.rater))

    person = factories.rater(campaign).rater.user
    client.force_login(person)
    auth = {"authorization": f"Bearer {factories.token(person, 'rate', 'read')}"}
    secrets = (CANARY, one.rater.public_id, one.public_id, one.rater.seats.get().pseudonym)
    said = []

    def look():
        for name, parameters in routes():
            if set(parameters) <= {"slug"} and "logout" not in name:
                path = address(name, parameters, {"slug": campaign.slug})
                answer = client.get(path, headers=auth if path.startswith("/api/") else {})
                body = b"".join(answer) if answer.streaming else answer.content
                said.append((path, body + repr(sorted(answer.items())).encode()))

    look()
    url = f"/api/v1/campaigns/{campaign.slug}/assignments/"
    while (claimed := client.post(url, headers=auth)).status_code == 201:
        shown = claimed.json()
        said.append((url, claimed.content))
        answer = client.post(
            f"/api/v1/assignments/{shown['id']}/judgment/",
            json.dumps({"side": "left"}),
            content_type="application/json",
            headers=auth,
        )
        assert answer.status_code == 201, answer.content
        said.append((url, answer.content))
        look()
    assert len(said) > 60
    for path, body in said:
        for secret in secrets:
            assert str(secret).encode() not in body, (path, secret)
