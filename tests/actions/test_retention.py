"""What is forgotten in time: that, nothing else, and the audit says how much."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.db.utils import ProgrammingError
from django.utils import timezone

from labeling import audit, notify
from labeling.actions.accounts import end_sessions
from labeling.actions.audit_seals import check_audit
from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.models import AuditEvent, Campaign, Judgment, Notification
from tests import factories
from tests.actions.test_audit_seals import behind_our_back, sealed_now
from tests.web.building import open_campaign
from workers.retention import sweep_retention

pytestmark = pytest.mark.django_db(transaction=True)


def age(table: str, days: int) -> None:
    behind_our_back(f"UPDATE {table} SET created_at = now() - interval '{days} days'")


def judged() -> Judgment:
    campaign = open_campaign(1, overlap=1)
    seat = factories.rater(campaign)
    taken = claim_assignment(rater=seat.rater, campaign=campaign)
    assert taken is not None
    said = {"side": "left", "strength": 1, "criteria": {"helpful": "left", "truthful": "left"}}
    said["client"] = {"active_ms": 4000, "blur_count": 2}
    return submit_judgment(rater=seat.rater, assignment_id=taken.public_id, answer=said).judgment


def test_old_addresses_go_and_the_seals_still_fit():
    audit.coming_from("web", "203.0.113.9")
    audit.record("campaign.updated")
    sealed_now()
    age("labeling_auditevent", 91)
    audit.record("campaign.updated")
    audit.coming_from("", None)
    # Its age was changed behind our back, so only what follows is compared.
    before = check_audit()
    sweep_retention()
    kept = AuditEvent.objects.filter(verb="campaign.updated").order_by("pk")
    assert [*kept.values_list("address", flat=True)] == [None, "203.0.113.9"]
    assert check_audit() == before
    told = AuditEvent.objects.get(verb="audit.addresses_forgotten")
    assert told.details == {"rows": 1}


def test_where_a_session_came_from_goes_with_it():
    user, ago = factories.user("ann"), timezone.now() - timedelta(hours=2)
    live, young = SessionStore(), timezone.now()
    live.save()
    for key, seen in ((live.session_key, ago), ("gone", ago), ("begins", young)):
        UserSession.objects.create(
            user=user, ip="203.0.113.9", user_agent="b", session_key=key, last_seen_at=seen
        )
    sweep_retention()
    kept = {*UserSession.objects.values_list("session_key", flat=True)}
    assert kept == {live.session_key, "begins"}
    assert AuditEvent.objects.get(verb="sign_in.places_forgotten").details == {"rows": 1}
    end_sessions(user)
    assert not UserSession.objects.exists()


def test_forgetting_an_address_alone_breaks_no_seal():
    audit.coming_from("web", "203.0.113.9")
    audit.record("campaign.updated")
    audit.coming_from("", None)
    sealed_now()
    AuditEvent.objects.update(address=None)
    assert check_audit().broken_number is None


def test_an_address_can_be_forgotten_and_never_changed():
    audit.record("campaign.updated")
    with pytest.raises(ProgrammingError, match="Cannot update"):
        AuditEvent.objects.update(address="203.0.113.10")
    with pytest.raises(ProgrammingError, match="Cannot update"):
        AuditEvent.objects.update(address=None, verb="campaign.created")


def test_old_notifications_go():
    person = factories.user("mia")
    notify.tell([person], "case.entry", key="old")
    age("labeling_notification", 181)
    notify.tell([person], "case.entry", key="new")
    sweep_retention()
    assert [one.key for one in Notification.objects.all()] == ["case.entry:new"]


def test_telemetry_goes_by_the_campaigns_policy_and_the_judgment_stays():
    old, other = judged(), judged()
    age("labeling_judgment", 40)
    Campaign.objects.filter(pk=old.campaign_id).update(policy={"telemetry_days": 30})
    before = Judgment.objects.filter(pk=old.pk).values().get()
    sweep_retention()
    after = Judgment.objects.filter(pk=old.pk).values().get()
    assert before.pop("client") and after.pop("client") == {}
    assert before == after and after["active_ms"] == 4000
    other.refresh_from_db()
    assert other.client
    told = AuditEvent.objects.get(verb="campaign.telemetry_forgotten")
    assert (told.campaign_id, told.details) == (old.campaign_id, {"rows": 1})


def test_what_was_measured_can_be_forgotten_and_never_changed():
    judgment = judged()
    with pytest.raises(ProgrammingError, match="Cannot update"):
        Judgment.objects.filter(pk=judgment.pk).update(client={"active_ms": 1})
    with pytest.raises(ProgrammingError, match="Cannot update"):
        Judgment.objects.filter(pk=judgment.pk).update(client={}, preference="tie", strength=0)


def test_nothing_young_goes():
    judged()
    audit.coming_from("web", "203.0.113.9")
    audit.record("campaign.updated")
    audit.coming_from("", None)
    notify.tell([factories.user("mia")], "case.entry", key="1")
    count = AuditEvent.objects.count()
    sweep_retention()
    assert AuditEvent.objects.count() == count
    assert AuditEvent.objects.filter(address="203.0.113.9").exists()
    assert Notification.objects.filter(created_at__lte=timezone.now() + timedelta(1)).exists()
