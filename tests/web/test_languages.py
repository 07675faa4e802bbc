"""Raters' pages in five languages: who gets which, and what the API and managers keep."""

from datetime import UTC, datetime

import pytest
from babel.dates import get_month_names
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format

from labeling.actions.campaigns import update_campaign
from labeling.models import GuidelineVersion, User
from tests import factories
from tests.web.building import answer, open_campaign, publish, signed_in

pytestmark = pytest.mark.django_db

LANGUAGES = ("es", "fr", "hi", "ar")
SUBMIT = {"en": "Submit", "es": "Enviar", "fr": "Envoyer", "hi": "जमा करें", "ar": "إرسال"}


@pytest.fixture
def seat():
    campaign = open_campaign(3)
    publish(campaign)
    return factories.rater(campaign)


def speak(seat, language):
    User.objects.filter(pk=seat.rater.user.pk).update(language=language)


def bench(client, seat, **headers):
    return client.get(reverse("rate", args=[seat.campaign.slug]), headers=headers)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bench_speaks_the_language_of_its_rater(seat, language):
    speak(seat, language)
    response = bench(signed_in(seat), seat, **{"accept-language": "en"})
    html = response.content.decode()
    turned = ' dir="rtl"' if language == "ar" else ""
    assert f'<html lang="{language}"{turned}>' in html
    assert f">{SUBMIT[language]} <kbd" in html
    assert ">Submit" not in html
    assert response["Content-Language"] == language


def test_without_a_choice_the_browser_is_asked(seat):
    client = signed_in(seat)
    html = bench(client, seat, **{"accept-language": "de, fr-CA;q=0.8, en;q=0.5"})
    assert '<html lang="fr">' in html.content.decode()
    assert '<html lang="en">' in bench(client, seat, **{"accept-language": "de"}).content.decode()
    page = Client().get(reverse("login"), headers={"accept-language": "ar"}).content.decode()
    assert '<html lang="ar" dir="rtl">' in page
    assert "تسجيل الدخول" in page


def test_the_next_one_served_does_not_inherit_a_language(seat, client):
    """One thread answers people and programs by turns."""
    speak(seat, "es")
    bench(signed_in(seat), seat)
    assert translation.get_language() == settings.LANGUAGE_CODE
    token = factories.token(seat.rater.user, "read", "rate")
    answered = client.post(
        f"/api/v1/campaigns/{seat.campaign.slug}/assignments/00000000-0000-0000-0000-000000000000/skip/",
        headers={"authorization": f"Bearer {token}", "accept-language": "es"},
    )
    assert answered.status_code == 404
    assert "encontrado" not in answered.content.decode()


def test_managers_pages_stay_in_english(seat):
    manager = factories.member(seat.campaign, "manager")
    User.objects.filter(pk=manager.pk).update(language="ar")
    client = Client()
    client.force_login(manager)
    html = client.get(reverse("campaigns")).content.decode()
    assert '<html lang="en">' in html
    assert ">Campaigns<" in html
    assert '<html lang="ar" dir="rtl">' in client.get(reverse("account")).content.decode()


def test_refusals_are_said_in_the_language_too(seat):
    speak(seat, "es")
    client = signed_in(seat)
    html = bench(client, seat).content.decode()
    address = reverse("rate", args=[seat.campaign.slug])
    htmx = {"hx-request": "true"}
    nothing = client.post(address, answer(html, verdict=None), headers=htmx)
    assert "Elija qué respuesta es mejor." in nothing.content.decode()
    criterion = client.post(address, answer(html, criterion_truthful=None), headers=htmx)
    assert "Truthful: diga cuál es mejor o elija =." in criterion.content.decode()
    update_campaign(campaign=seat.campaign, by=None, state="archived")
    ended = client.post(address, answer(html), headers=htmx)
    assert ended.status_code == 409
    assert "Esta campaña ha concluido; ya no admite respuestas." in ended.content.decode()
    assert "Lo que escribió sigue aquí." in ended.content.decode()
    # And on a page of its own, where there is no script.
    page = client.post(address, answer(html)).content.decode()
    assert "<h1" in page and "Esta campaña ha concluido" in page


def test_error_pages_are_translated(seat):
    speak(seat, "fr")
    unknown = signed_in(seat).get("/rate/no-such-campaign/")
    assert "Il n’y a rien à cette adresse" in unknown.content.decode()
    stale = signed_in(seat, enforce_csrf_checks=True).post(reverse("preferences"), {})
    assert stale.status_code == 403
    assert "Cette page est restée ouverte trop longtemps" in stale.content.decode()


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "24 November 2026"),
        ("es", "24 de noviembre de 2026"),
        ("fr", "24 novembre 2026"),
        ("hi", "24 नवंबर 2026"),
        ("ar", "24 نوفمبر 2026"),
    ],
)
def test_dates_are_written_as_the_language_writes_them(seat, language, shown):
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    GuidelineVersion.objects.create(campaign=seat.campaign, number=2, body="Be.", published_at=at)
    speak(seat, language)
    address = reverse("rate_guidelines", args=[seat.campaign.slug])
    html = signed_in(seat).get(address).content.decode()
    assert shown in html
    assert 'datetime="2026-11-24T12:00:00+00:00"' in html


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_months_are_spelled_as_unicode_spells_them(language):
    """And no word of ours stands in for one, as May, that is allowed, would for the month."""
    with translation.override(language):
        written = [date_format(datetime(2026, month, 1), "F") for month in range(1, 13)]
    assert written == list(get_month_names("wide", "format", language).values())


def test_english_dates_have_the_day_first():
    with translation.override("en"):
        assert date_format(datetime(2026, 5, 3, 15, 4), "SHORT_DATETIME_FORMAT") == (
            "3 May 2026, 15:04"
        )


def test_a_probe_of_health_asks_nobody_for_a_language(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/healthz/live").status_code == 200
