"""Language, looks and keys on the account page, by a form that needs no script."""

import re

import pytest
from django.urls import reverse

from labeling.bench_settings import STANDARD
from labeling.models import User
from tests import factories
from tests.web.building import open_campaign, publish, signed_in

pytestmark = pytest.mark.django_db

WISHES = {
    "language": "",
    "theme": "system",
    "text_size": "15",
    "movement": "system",
    "single_keys": "1",
} | {f"key_{action}": key for action, key in STANDARD.items()}


@pytest.fixture
def seat():
    campaign = open_campaign(2)
    publish(campaign)
    return factories.rater(campaign)


@pytest.fixture
def visitor(seat):
    return signed_in(seat)


def page(visitor):
    return visitor.get(reverse("account")).content.decode()


def send(visitor, **wishes):
    return visitor.post(reverse("preferences"), WISHES | wishes)


def test_what_the_form_shows_is_what_it_takes(visitor, seat):
    html = page(visitor)
    shown = dict(re.findall(r'name="(key_\w+)" value="([^"]*)"', html))
    assert shown["key_submit"] == "↵"
    assert shown["key_show"] == "␣"
    assert shown["key_reason"] == "R"
    assert len(shown) == len(STANDARD)
    assert send(visitor, **shown).status_code == 302
    seat.rater.user.refresh_from_db()
    assert seat.rater.user.bench["keys"] == {}


def test_ones_own_keys_stand_beside_the_controls_and_in_the_list(visitor, seat):
    assert send(visitor, key_skip="x", key_verdict_1="a").status_code == 302
    html = visitor.get(reverse("rate", args=[seat.campaign.slug])).content.decode()
    scale = html[html.index('class="scale"') : html.index("</fieldset>")]
    assert re.findall(r"<kbd[^>]*>(.)</kbd>", scale) == ["A", "2", "3", "4", "5", "6", "7"]
    assert 'aria-keyshortcuts="x"' in html
    keys = html[html.index('id="keys"') :]
    assert "&quot;skip&quot;:&quot;x&quot;" in keys
    assert "<kbd>X</kbd></dt><dd>Skip, with a reason" in keys


def test_a_key_wanted_twice_is_refused_beside_its_field_and_nothing_is_kept(visitor, seat):
    answer = send(visitor, key_diff="u", language="es")
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "Word differences: U is taken by Undo. Choose another." in html
    (wrong,) = re.findall(r'<input[^>]*aria-invalid="true"[^>]*>', html)
    assert 'name="key_diff" value="u"' in wrong
    seat.rater.user.refresh_from_db()
    assert seat.rater.user.bench == {}
    assert seat.rater.user.language == ""


def test_back_to_standard_forgets_keys_and_leaves_looks(visitor, seat):
    send(visitor, key_diff="x", text_size="19", single_keys="")
    seat.rater.user.refresh_from_db()
    assert seat.rater.user.bench["keys"] == {"diff": "x"}
    assert not seat.rater.user.bench["single_keys"]
    send(visitor, key_diff="x", text_size="19", single_keys="", standard="1")
    seat.rater.user.refresh_from_db()
    assert seat.rater.user.bench["keys"] == {}
    assert seat.rater.user.bench["single_keys"]
    assert seat.rater.user.bench["text_size"] == 19


def test_an_emptied_field_has_its_standard_again(visitor, seat):
    send(visitor, key_diff="x")
    send(visitor, key_diff="")
    seat.rater.user.refresh_from_db()
    assert seat.rater.user.bench["keys"] == {}


def test_with_single_keys_off_hints_are_gone_and_readers_hear_of_alt(visitor, seat):
    send(visitor, single_keys="")
    html = visitor.get(reverse("rate", args=[seat.campaign.slug])).content.decode()
    dock = html[html.index('class="dock"') : html.index('id="skip"')]
    # A menu's digits count only while it is open.
    assert "<kbd" not in re.sub(r'<div class="menu.*?</div>', "", dock, flags=re.DOTALL)
    assert 'aria-keyshortcuts="Alt+s"' in dock
    assert 'data-single="0"' in html
    assert "hold Alt" in html


def test_looks_are_on_every_page_and_the_theme_stays_with_the_browser(visitor):
    answer = send(visitor, theme="dark", text_size="17", movement="none", typewriter="1")
    assert answer.cookies["theme"].value == "dark"
    html = page(visitor)
    assert (
        '<html lang="en" data-theme="dark" data-text="17" data-movement="none"'
        ' data-face="typewriter">' in html
    )
    assert send(visitor, theme="system").cookies["theme"].value == ""
    assert '<html lang="en">' in page(visitor)


@pytest.mark.parametrize(
    "wishes",
    [
        {"language": "xx"},
        {"theme": "neon"},
        {"text_size": "400"},
        {"movement": "wild"},
        {"key_reason": "ab"},
        {"key_reason": "x" * 21},
    ],
)
def test_what_nobody_offered_is_refused(visitor, seat, wishes):
    answer = send(visitor, **wishes)
    assert answer.status_code == 422
    assert "Nothing was saved yet" in answer.content.decode()
    assert User.objects.get(pk=seat.rater.user.pk).bench == {}


def test_the_answer_comes_in_the_language_just_chosen(visitor, seat):
    answer = visitor.post(reverse("preferences"), WISHES | {"language": "fr"}, follow=True)
    html = answer.content.decode()
    assert '<html lang="fr">' in html
    assert "Enregistré." in html
    assert '<option value="fr" lang="fr" selected>Français</option>' in html


def test_settings_that_another_version_stored_do_no_harm(visitor, seat):
    User.objects.filter(pk=seat.rater.user.pk).update(bench={"later": 1}, language="tlh")
    assert visitor.get(reverse("rate", args=[seat.campaign.slug])).status_code == 200
    assert visitor.get(reverse("account")).status_code == 200


def test_strangers_change_nothing(client):
    assert client.post(reverse("preferences"), WISHES).status_code == 302
    assert client.get(reverse("preferences")).status_code == 302
    client.force_login(factories.user())
    assert client.get(reverse("preferences")).status_code == 405
