"""What people are told: once, where they like it, and by mail at most once."""

import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from labeling import notify
from labeling.actions.appeals import decide_appeal, make_appeal
from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.models import Campaign, Notification
from tests import factories
from tests.web.building import open_campaign
from workers.metrics import refresh_report
from workers.notifications import send_digests, send_mail

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign():
    return open_campaign(2, overlap=2, name="Harbours")


@pytest.fixture
def manager(campaign):
    person = factories.member(campaign, "manager", "mia")
    person.email = "mia@example.org"
    person.save()
    return person


def told(person):
    return [*Notification.objects.filter(user=person).order_by("pk")]


def tell(person, kind="round.finished", key="1", campaign=None, **details):
    notify.tell([person], kind, key=key, campaign=campaign, **details)


def long_ago(hours):
    """All notifications as if they were made, and mailed, so long ago."""
    ago = timezone.now() - timedelta(hours=hours)
    Notification.objects.update(created_at=ago)
    Notification.objects.exclude(mailed_at=None).update(mailed_at=ago)


def judged(campaign, seat):
    taken = claim_assignment(rater=seat.rater, campaign=campaign)
    said = {"side": "left", "criteria": {"helpful": "left", "truthful": "left"}, "strength": 1}
    return submit_judgment(rater=seat.rater, assignment_id=taken.public_id, answer=said).judgment


def test_the_bell_counts_what_is_new_and_the_page_shows_it(client, campaign, manager):
    tell(manager, key="1", campaign=campaign, number=1)
    tell(manager, key="2", campaign=campaign, number=2)
    client.force_login(manager)
    page = client.get(reverse("notifications")).content.decode()
    assert 'aria-label="Notifications, 2 new"' in page
    assert page.index("Round 2 has all") < page.index("Round 1 has all")
    client.post(reverse("notifications_read"))
    assert 'aria-label="Notifications"' in client.get(reverse("campaigns")).content.decode()


def test_a_thing_is_told_once_however_often_it_happens(manager):
    tell(manager)
    tell(manager)
    assert len(told(manager)) == 1


def test_following_one_reads_it_and_leads_to_it(client, campaign, manager):
    tell(manager, "agreement.fell", campaign=campaign, alpha="0.1", floor="0.5")
    (one,) = told(manager)
    client.force_login(manager)
    answer = client.get(reverse("notification", args=[one.public_id]))
    assert answer["Location"] == reverse("campaign", args=[campaign.slug])
    (one,) = told(manager)
    assert one.read_at is not None


def test_another_persons_is_unknown(client, campaign, manager):
    tell(manager)
    client.force_login(factories.member(campaign, "manager"))
    assert client.get(reverse("notification", args=[told(manager)[0].public_id])).status_code == 404
    assert told(manager)[0].read_at is None
    assert "Round" not in client.get(reverse("notifications")).content.decode()


def test_what_somebody_does_not_want_is_not_told(client, campaign, manager):
    client.force_login(manager)
    path = reverse("notification_settings")
    page = client.get(path)
    wanted = {name: field.initial for name, field in page.context["form"].fields.items()}
    assert "skill.earned" not in wanted
    client.post(path, wanted | {"round.finished": "off"})
    manager.refresh_from_db()
    tell(manager)
    assert told(manager) == []
    assert client.post(path, wanted | {"round.finished": "pigeon"}).status_code == 422


def test_raters_choose_of_what_concerns_raters(client, campaign):
    seat = factories.rater(campaign, "ann")
    client.force_login(seat.rater.user)
    fields = client.get(reverse("notification_settings")).context["form"].fields
    assert set(fields) == {"appeal.decided", "case.entry", "skill.earned", "comparison.decided"}


def test_an_appeal_and_its_decision_are_told(campaign, manager):
    seat = factories.rater(campaign, "ann")
    appeal = make_appeal(judgment=judged(campaign, seat), rater=seat.rater, reason="I differ.")
    assert [one.kind for one in told(manager)] == ["appeal.waiting"]
    assert told(manager)[0].details == {"rater": seat.pseudonym}
    decide_appeal(appeal=appeal, is_upheld=False, answer="See T1.", by=manager)
    (mine,) = told(seat.rater.user)
    assert mine.details == {"decision": "declined", "answer": "See T1."}


def test_agreement_below_its_floor_is_told_once_a_day(campaign, manager):
    Campaign.objects.filter(pk=campaign.pk).update(policy={"agreement_floor": 0.99})
    for name, side in (("ann", "left"), ("bob", "right")):
        seat = factories.rater(campaign, name)
        for _ in range(2):
            taken = claim_assignment(rater=seat.rater, campaign=campaign)
            said = {
                "side": taken.side("a" if side == "left" else "b"),
                "strength": 1,
                "criteria": {"helpful": "left", "truthful": "left"},
            }
            submit_judgment(rater=seat.rater, assignment_id=taken.public_id, answer=said)
        refresh_report(campaign.pk)
        refresh_report(campaign.pk)
    kinds = [one.kind for one in told(manager)]
    assert kinds.count("agreement.fell") == 1


def test_one_comparison_alone_alarms_nobody_and_has_its_report():
    campaign = open_campaign(1, overlap=2)
    manager = factories.member(campaign, "manager")
    Campaign.objects.filter(pk=campaign.pk).update(policy={"agreement_floor": 0.99})
    for name, side in (("ann", "a"), ("bob", "b")):
        seat = factories.rater(campaign, name)
        taken = claim_assignment(rater=seat.rater, campaign=campaign)
        said = {
            "side": taken.side(side),
            "strength": 1,
            "criteria": {"helpful": "left", "truthful": "left"},
        }
        submit_judgment(rater=seat.rater, assignment_id=taken.public_id, answer=said)
    refresh_report(campaign.pk)
    alpha = campaign.reports.get().body["agreement"]["krippendorff_alpha_ordinal"]
    assert alpha["value"] < 0.99 and alpha["low"] is None
    assert told(manager) == []


def test_mail_says_it_once_and_how_to_stop_it(client, campaign, manager):
    tell(manager, "agreement.fell", campaign=campaign, alpha="0.10", floor="0.50")
    send_mail()
    send_mail()
    (sent,) = mail.outbox
    assert sent.to == ["mia@example.org"] and "Agreement is 0.10" in sent.subject
    assert "Harbours" in sent.body
    link = sent.extra_headers["List-Unsubscribe"].strip("<>")
    path = link[link.index("/notifications/") :]
    assert b"Stop all mail?" in client.get(path).content
    # By one click, without a cookie, as mail programs do.
    assert b"No more mail" in client.post(path, {"List-Unsubscribe": "One-Click"}).content
    manager.refresh_from_db()
    tell(manager, "agreement.fell", key="2", campaign=campaign, alpha="0.10", floor="0.50")
    send_mail()
    assert len(mail.outbox) == 1 and len(told(manager)) == 2


@pytest.mark.parametrize("given", ["nonsense", "a" * 32 + ":forged"])
def test_a_link_we_did_not_sign_stops_nobodys_mail(client, manager, given):
    assert client.post(reverse("mail_off", args=[given])).status_code == 404


def test_what_was_read_or_has_no_address_is_not_mailed(campaign, manager):
    tell(manager, "agreement.fell", campaign=campaign)
    Notification.objects.update(read_at=timezone.now())
    unaddressed = factories.member(campaign, "manager")
    tell(unaddressed, "agreement.fell", campaign=campaign)
    send_mail()
    assert mail.outbox == []


def test_a_mail_that_fails_goes_out_later(campaign, manager, monkeypatch):
    tell(manager, "agreement.fell", campaign=campaign)

    def refuse(*_: object) -> None:
        raise smtplib.SMTPServerDisconnected

    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
        send_mail()
    assert told(manager)[0].mailed_at is None and mail.outbox == []
    send_mail()
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("breaks", ["\n", "\r\nBcc: eve@example.org\r\n", "\u2028"])
def test_words_of_several_lines_are_one_line_in_the_subject(campaign, manager, breaks):
    answer = f"Read T1.{breaks}Then T2."
    Notification.objects.create(
        user=manager,
        kind="appeal.decided",
        key="1",
        campaign=campaign,
        channel="mail",
        details={"decision": "declined", "answer": answer},
    )
    send_mail()
    (sent,) = mail.outbox
    assert len(sent.subject.splitlines()) == 1 and "Then T2." in sent.subject
    assert sent.message()["To"] == "mia@example.org" and sent.message()["Bcc"] is None


def test_a_mail_that_cannot_be_made_waits_and_others_go_out(campaign, manager, caplog):
    broken = factories.member(campaign, "manager")
    broken.email = "zq-secret@example.org\nBcc: eve@example.org"
    broken.save()
    for person in (broken, manager):
        tell(person, "agreement.fell", campaign=campaign)
    send_mail()
    assert [sent.to for sent in mail.outbox] == [["mia@example.org"]]
    assert told(broken)[0].mailed_at is None and told(manager)[0].mailed_at is not None
    assert "BadHeaderError" in caplog.text and "zq-secret" not in caplog.text


def test_a_digest_comes_once_a_day_with_all_there_is(campaign, manager):
    tell(manager, key="1", campaign=campaign, number=1)
    tell(manager, key="2", campaign=campaign, number=2)
    send_digests()
    assert mail.outbox == []
    long_ago(2)
    send_digests()
    (sent,) = mail.outbox
    assert "Round 1" in sent.body and "Round 2" in sent.body and "2 things" in sent.subject
    tell(manager, key="3", campaign=campaign, number=3)
    long_ago(2)
    send_digests()
    assert len(mail.outbox) == 1
    long_ago(25)
    send_digests()
    assert len(mail.outbox) == 2 and "Round 3" in mail.outbox[1].body


def test_what_another_scheduler_has_taken_is_not_mailed_twice(campaign, manager):
    tell(manager, "agreement.fell", campaign=campaign)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM labeling_notification FOR UPDATE")
            send_mail()
            assert mail.outbox == []
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    send_mail()
    assert len(mail.outbox) == 1


def test_words_with_braces_reach_into_nothing(client, campaign, manager):
    tell(manager, "appeal.waiting", campaign=campaign, rater="{0.__class__} {rater!r}")
    client.force_login(manager)
    page = client.get(reverse("notifications")).content.decode()
    assert "{0.__class__} {rater!r} appeals" in page
