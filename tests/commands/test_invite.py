"""`manage.py invite`: the way into a fresh instance."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from labeling.models import OrganisationMember, User

pytestmark = pytest.mark.django_db


def invite(*words: str) -> str:
    out = StringIO()
    call_command("invite", *words, "--json", stdout=out)
    link: str = json.loads(out.getvalue())["link"]
    return "/" + link.split("/", 3)[3]


def test_the_link_lets_its_owner_choose_a_password_once(client):
    path = invite("ada", "--role", "owner", "--organisation", "Analytical Lab")
    form = client.get(path, follow=True)
    assert b"Choose a password" in form.content
    there = form.redirect_chain[-1][0]
    password = {"new_password1": "engine-1843-notes", "new_password2": "engine-1843-notes"}
    assert client.post(there, password).status_code == 302
    assert client.login(username="ada", password="engine-1843-notes")
    assert OrganisationMember.objects.get(user__username="ada").role == "owner"
    assert b"has been used" in client.get(path, follow=True).content


def test_a_weak_password_is_refused_with_its_reason(client):
    there = client.get(invite("ada"), follow=True).redirect_chain[-1][0]
    answer = client.post(there, {"new_password1": "12345678", "new_password2": "12345678"})
    assert answer.status_code == 200
    assert b"too common" in answer.content
    assert not User.objects.get(username="ada").has_usable_password()


def test_a_name_that_is_taken_and_an_unknown_role_are_refused(client):
    invite("ada", "--organisation", "One")
    with pytest.raises(CommandError, match="already somebody called ada"):
        invite("ada", "--organisation", "Two")
    with pytest.raises(CommandError, match="Roles are"):
        invite("bob", "--role", "emperor")


def test_a_person_with_a_password_gets_no_new_link():
    invite("ada")
    person = User.objects.get(username="ada")
    person.set_password("engine-1843-notes")
    person.save()
    with pytest.raises(CommandError, match="has an account"):
        invite("ada")


@pytest.mark.parametrize("key", ["MQ", "00000000-0000-0000-0000-000000000000", "x" * 300])
def test_a_link_names_its_owner_by_nothing_that_can_be_counted(client, key: str):
    path = invite("ada")
    person = User.objects.get(username="ada")
    assert path.startswith(f"/welcome/{person.public_id}/")
    made_up = path.replace(str(person.public_id), key)
    assert b"has been used" in client.get(made_up).content
