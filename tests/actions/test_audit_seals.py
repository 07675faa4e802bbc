"""The audit is sealed in windows, and what is changed behind the product's back shows."""

import threading
import time

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.urls import reverse

from labeling import audit
from labeling.actions import audit_seals
from labeling.actions.audit_seals import check_audit, seal_audit
from labeling.models import AuditEvent, AuditSeal
from labeling.queries.audit_chain import FIRST, digest_of
from tests import factories
from workers.audit import check_seals, sweep_audit

pytestmark = pytest.mark.django_db(transaction=True)


def settle() -> None:
    """Wait until all that was recorded may be sealed: another test's transaction may be older."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        ((now,),) = cursor.fetchall()
        until = time.monotonic() + 120
        while time.monotonic() < until:
            cursor.execute(
                "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::numeric > %s", [int(now)]
            )
            ((is_settled,),) = cursor.fetchall()
            if is_settled:
                return
            time.sleep(0.05)
    raise AssertionError("Some transaction on this server did not end.")


def sealed_now() -> AuditSeal | None:
    settle()
    return seal_audit()


def happen(count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            audit.record("campaign.updated", number=number, text="ünï | code\nline")


def behind_our_back(sql: str) -> None:
    """As a superuser would, past the triggers."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)


def test_every_settled_event_is_under_one_seal_and_all_fit():
    happen(5)
    first = sealed_now()
    assert first is not None and first.event_count == AuditEvent.objects.count()
    assert sealed_now() is None
    happen(3)
    second = sealed_now()
    assert second is not None and (second.number, second.event_count) == (first.number + 1, 3)
    found = check_audit()
    assert found.broken_number is None
    assert found.event_count == found.fitting_count == first.event_count + 3


def test_a_long_audit_is_sealed_window_by_window(monkeypatch):
    monkeypatch.setattr(audit_seals, "WINDOW", 2)
    for _ in range(5):
        happen(1)
    settle()
    sweep_audit()
    counts = [*AuditSeal.objects.order_by("number").values_list("event_count", flat=True)]
    assert counts == [2, 2, 1]
    check_seals()
    told = AuditEvent.objects.get(verb="audit.checked")
    assert told.details == {"events": 5, "fitting": 5, "broken_seal": None}


@pytest.mark.parametrize(
    "fault",
    [
        "UPDATE labeling_auditevent SET details = '{}' WHERE details ->> 'number' = '1'",
        "UPDATE labeling_auditevent SET verb = verb || '!' WHERE details ->> 'number' = '1'",
        "UPDATE labeling_auditevent SET created_at = created_at - interval '1 microsecond'"
        " WHERE details ->> 'number' = '1'",
        "DELETE FROM labeling_auditevent WHERE details ->> 'number' = '1'",
        "INSERT INTO labeling_auditevent (public_id, verb, details, xid) SELECT"
        " gen_random_uuid(), 'campaign.created', '{}', xid FROM labeling_auditevent"
        " ORDER BY id LIMIT 1",
    ],
)
def test_what_is_changed_from_outside_breaks_the_seal(fault):
    happen(3)
    sealed_now()
    happen(2)
    sealed_now()
    assert check_audit().broken_number is None
    behind_our_back(fault)
    broken = check_audit()
    assert broken.broken_number == 1
    assert broken.event_count == 5 > broken.fitting_count


def test_the_database_refuses_to_change_a_seal_or_an_event():
    happen(1)
    sealed_now()
    for rows in (AuditSeal.objects.all(), AuditEvent.objects.all()):
        with pytest.raises(ProgrammingError, match=r"Cannot (update|delete)"):
            rows.delete()
    with pytest.raises(ProgrammingError, match=r"Cannot (update|delete)"):
        AuditSeal.objects.update(event_count=7)


def test_an_event_that_commits_late_is_in_a_later_seal_and_in_one_only():
    begun, may_end = threading.Event(), threading.Event()

    def late() -> None:
        try:
            with transaction.atomic():
                audit.record("campaign.updated", which="late")
                begun.set()
                may_end.wait(10)
        finally:
            connection.close()

    writer = threading.Thread(target=late)
    writer.start()
    assert begun.wait(10)
    happen(2)
    # The late one's transaction is older: nothing newer is settled while it runs.
    assert seal_audit() is None
    may_end.set()
    writer.join()
    sealed = sealed_now()
    assert sealed is not None and sealed.event_count == 3
    assert check_audit().broken_number is None


@pytest.fixture
def restored():
    """Four entries from another cluster, far ahead in its ids: three under two seals, one not."""
    happen(1)
    happen(1)
    happen(1)
    happen(1)
    # Ids from a low one, which is met again here, to one that is far ahead.
    low = AuditEvent.objects.order_by("pk").values_list("xid", flat=True)[0] + 40
    far = 10**12
    keys = [*AuditEvent.objects.order_by("pk").values_list("pk", flat=True)]
    for pk, xid in zip(keys, (far, low, far + 2, far + 9), strict=True):
        behind_our_back(f"UPDATE labeling_auditevent SET xid = '{xid}' WHERE id = {pk}")
    before, after, last_id = FIRST, 0, keys[1]
    for number, (through, last_id) in enumerate(((low, keys[1]), (far + 2, keys[2])), 1):
        found = digest_of(before=before, after=after, through=through, is_first=number == 1)
        AuditSeal.objects.create(
            number=number,
            cluster=7,
            last_id=last_id,
            through_xid=through,
            event_count=found.event_count,
            digest=found.digest,
        )
        before, after = found.digest, through
    assert [seal.event_count for seal in AuditSeal.objects.order_by("number")] == [1, 2]
    return low


def test_a_restore_into_a_new_cluster_alarms_nobody_and_the_chain_goes_on(restored):
    for _ in range(50):
        happen(1)
    # Among them is the transaction id of a sealed one, unless another test took it just now.
    if [*AuditEvent.objects.values_list("xid", flat=True)].count(restored) < 2:
        newest = AuditEvent.objects.latest("pk").pk
        behind_our_back(f"UPDATE labeling_auditevent SET xid = '{restored}' WHERE id = {newest}")
    ids = [*AuditEvent.objects.values_list("xid", flat=True)]
    assert ids.count(restored) == 2
    assert check_audit().broken_number is None
    sealed = sealed_now()
    assert sealed is not None and (sealed.number, sealed.chapter) == (3, 1)
    # 50 and the word of the check; the entry that is far ahead waits until its id is reached.
    assert sealed.event_count == 51
    happen(2)
    again = sealed_now()
    assert again is not None and (again.number, again.chapter, again.event_count) == (4, 1, 2)
    found = check_audit()
    assert (found.broken_number, found.fitting_count) == (None, 56)


@pytest.mark.parametrize(("place", "number"), [(0, 2), (1, 1), (2, 2), (10, 3)])
def test_a_change_on_either_side_of_a_restore_breaks_its_seal(restored, place, number):
    for _ in range(50):
        happen(1)
    sealed_now()
    pk = AuditEvent.objects.order_by("pk").values_list("pk", flat=True)[place]
    behind_our_back(f"UPDATE labeling_auditevent SET verb = verb || '!' WHERE id = {pk}")
    assert check_audit().broken_number == number


def test_where_it_came_from_is_recorded_and_raters_addresses_are_not(client):
    campaign = factories.campaign()
    client.force_login(factories.member(campaign, "manager"))
    client.post(reverse("campaign_state", args=[campaign.slug]), {"state": "paused"})
    event = AuditEvent.objects.filter(verb="campaign.updated").latest("pk")
    assert (event.via, event.address) == ("web", "127.0.0.1")
    seat = factories.rater(factories.campaign(), "ann")
    audit.coming_from("web", "203.0.113.9")
    audit.record("guidelines.read", by=seat.rater)
    assert AuditEvent.objects.get(verb="guidelines.read").address is None
    audit.coming_from("", None)
