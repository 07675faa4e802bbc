"""What became of accounts: sign-ins, passwords and second factors, for those who govern."""

import pytest
from django.test import Client
from django.urls import reverse

from labeling import audit
from labeling.models import AuditEvent
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a long zq-word 41"


@pytest.fixture
def lab():
    return factories.organisation("harbours")


@pytest.fixture
def owner(lab):
    return factories.user("mia", of=lab, role="owner")


def person(lab, name, role="member"):
    user = factories.user(name, of=lab, role=role)
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(name, password):
    client = Client()
    client.post(reverse("login"), {"username": name, "password": password})
    return client


def told(verb):
    return [*AuditEvent.objects.filter(verb=verb).order_by("pk")]


def log(client, lab, **asked):
    return client.get(reverse("organisation_activity"), {"of": lab.slug, **asked})


def test_sign_ins_are_noted_and_names_that_nobody_has_are_not(lab):
    ola, rita = person(lab, "ola", "manager"), person(lab, "rita")
    sign_in("ola", "zq-wrong")
    sign_in("zq-nobody", "zq-wrong")
    sign_in("ola", PASSWORD)
    sign_in("rita", PASSWORD)
    (failed,) = told("sign_in.failed")
    assert (failed.user, failed.subject) == (None, ola.public_id)
    assert (failed.details, failed.address) == ({"step": "password"}, "127.0.0.1")
    came = told("sign_in.succeeded")
    assert [(one.user, one.address) for one in came] == [(ola, "127.0.0.1"), (rita, None)]
    assert "zq" not in str([*AuditEvent.objects.values()])


def test_another_password_and_another_factor_are_noted(lab):
    ola = person(lab, "ola", "manager")
    client = sign_in("ola", PASSWORD)
    new = "another zq-word 42"
    client.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": new, "password2": new},
    )
    (changed,) = told("sign_in.password_changed")
    assert (changed.user, changed.subject) == (ola, ola.public_id)
    assert "zq" not in str([*AuditEvent.objects.values()])


def test_the_page_shows_what_became_of_the_organisations_accounts(client, lab, owner):
    person(lab, "ola")
    elsewhere = factories.organisation("elsewhere")
    person(elsewhere, "eve")
    sign_in("ola", "zq-wrong")
    sign_in("eve", PASSWORD)
    audit.record("endpoint.updated", by=owner, organisation=str(lab.public_id), zq="zq-here")
    audit.record("endpoint.updated", by=owner, organisation=str(elsewhere.public_id), zq="zq-there")
    audit.record("demographics.given", by=owner, zq="zq-of-oneself")
    campaign = factories.campaign(of=lab)
    audit.record("campaign.updated", campaign=campaign, by=owner, zq="zq-campaign")
    client.force_login(owner)
    html = log(client, lab).content.decode()
    assert "failed to sign in" in html and "(ola)" in html and "zq-here" in html
    assert "eve" not in html
    assert all(zq not in html for zq in ("zq-there", "zq-of-oneself", "zq-campaign"))
    found = log(client, lab, what="access").content.decode()
    assert "failed to sign in" in found and "zq-here" not in found
    assert log(client, lab, what="secrets").status_code == 422
    page = client.get(reverse("organisation"), {"of": lab.slug}).content.decode()
    assert reverse("organisation_activity") in page


def test_its_pages_stay_with_the_organisation(client, lab, owner):
    for number in range(60):
        audit.record("token.issued", by=owner, number=number)
    client.force_login(owner)
    first = log(client, lab, what="access")
    assert f"of={lab.slug}&amp;what=access&amp;after=" in first.content.decode()
    older = log(client, lab, what="access", after=str(first.context["page"].older))
    assert len(older.context["page"].entries) == 10


@pytest.mark.parametrize("role", ["member", ""])
def test_who_may_not_read_it(client, lab, role):
    other = factories.organisation("elsewhere")
    client.force_login(factories.user("ola", of=lab if role else other, role=role or "owner"))
    assert log(client, lab).status_code == 404


def test_the_log_can_be_taken_along_by_those_who_may_read_it(client, lab, owner):
    person(lab, "ola", "manager")
    sign_in("ola", PASSWORD)
    client.force_login(owner)
    url = reverse("organisation_activity_file")
    answer = client.get(url, {"of": lab.slug, "what": "access"})
    assert answer["Content-Disposition"].endswith('filename="harbours-activity.csv"')
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert [line.split(",")[1:3] for line in lines[1:]] == [["ola", "sign_in.succeeded"]]
    other = factories.user("otto", of=factories.organisation(), role="owner")
    client.force_login(other)
    assert client.get(url, {"of": lab.slug}).status_code == 404
    client.force_login(person(lab, "rita"))
    assert client.get(url, {"of": lab.slug}).status_code in (403, 404)
