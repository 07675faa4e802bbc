"""`manage.py create_token`: the token is printed once and works; mistakes are named."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from labeling.actions.raters import add_member
from labeling.models import AuditEvent, Token
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_token", *arguments, stdout=out)
    return out.getvalue()


def status(path: str, token: str) -> int:
    return Client(headers={"authorization": f"Bearer {token}"}).get(path).status_code


def test_the_last_word_is_a_token_that_works():
    campaign = factories.campaign()
    person = factories.member(campaign, "researcher")
    text = run(person.username, "--scope", "read").split()[-1]
    assert status(f"/api/v1/campaigns/{campaign.slug}/", text) == 200
    assert AuditEvent.objects.filter(verb="token.issued", user=person).count() == 1


def test_scopes_repeat_and_the_name_is_kept():
    person = factories.user()
    run(person.username, "--scope", "read", "--scope", "rate", "--name", "notebook")
    token = Token.objects.get(user=person)
    assert (token.scopes, token.name) == (["rate", "read"], "notebook")


def test_a_token_for_one_campaign_sees_no_other():
    one = factories.campaign()
    person = factories.member(one, "researcher")
    other = factories.campaign(of=one.organisation)
    add_member(campaign=other, user=person, role="researcher", by=None)
    text = run(person.username, "--scope", "read", "--campaign", one.slug).split()[-1]
    assert status(f"/api/v1/campaigns/{one.slug}/", text) == 200
    assert status(f"/api/v1/campaigns/{other.slug}/", text) == 404


def test_json_is_one_object():
    person = factories.user()
    answer = json.loads(run(person.username, "--scope", "read", "--json"))
    assert answer["user"] == person.username
    assert answer["scopes"] == ["read"]
    assert status("/api/v1/campaigns/", answer["token"]) == 200


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody", "--scope", "read"], "no user called nobody"),
        (["someone", "--scope", "fly"], "these are not: fly"),
        (["someone"], "at least one scope"),
        (["someone", "--scope", "read", "--campaign", "none"], "no part in a campaign called none"),
        (["someone-gone", "--scope", "read"], "may not sign in"),
    ],
)
def test_a_mistake_is_named_and_issues_nothing(arguments, says):
    factories.user("someone")
    gone = factories.user("someone-gone")
    gone.is_active = False
    gone.save()
    with pytest.raises(CommandError, match=says) as refused:
        run(*arguments)
    assert refused.value.returncode == 1
    assert not Token.objects.exists()


def test_a_campaign_the_user_has_no_part_in_is_as_unknown_as_none():
    factories.campaign(slug="elsewhere")
    factories.user("someone")
    for slug in ("elsewhere", "nowhere"):
        with pytest.raises(CommandError, match=f"no part in a campaign called {slug}"):
            run("someone", "--scope", "read", "--campaign", slug)
