"""`manage.py withdraw`: a judgment that a manager takes out of every number, for the record."""

import io
import json

import orjson
import pytest
from django.core.management import CommandError, call_command

from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import revise_judgment, submit_judgment
from labeling.errors import ConflictError
from labeling.formats.export_choice import choose
from labeling.models import AuditEvent, Campaign, Judgment, User, Withdrawal
from labeling.queries.export_rows import open_export
from tests import factories
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(slug="tone")


@pytest.fixture
def manager(campaign: Campaign) -> User:
    return factories.member(campaign, "manager", "mel")


@pytest.fixture
def judgment(campaign: Campaign, manager: User) -> Judgment:
    factories.open_comparisons(campaign, 1)
    seat = factories.rater(campaign, "ann")
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    return submit_judgment(
        rater=seat.rater, assignment_id=held.public_id, answer={"side": "left"}
    ).judgment


def withdraw(judgment: Judgment | str, by: str = "mel", reason: str = "A test answer.") -> str:
    named = judgment if isinstance(judgment, str) else str(judgment.public_id)
    told = io.StringIO()
    call_command("withdraw", "tone", named, "--by", by, "--reason", reason, "--json", stdout=told)
    return told.getvalue()


def exported(campaign: Campaign) -> list[str]:
    lines = b"".join(open_export(campaign, choose({}))).splitlines()
    return [orjson.loads(line)["judgment_id"] for line in lines]


def test_a_withdrawn_judgment_leaves_exports_and_report_and_stays_on_record(
    campaign, manager, judgment
):
    refresh_report(campaign.pk)
    assert exported(campaign) == [str(judgment.public_id)]
    told = json.loads(withdraw(judgment))
    assert told["reason"] == "A test answer."
    # The first one stands, however often it is asked for.
    assert json.loads(withdraw(judgment, reason="Again.")) == told
    assert exported(campaign) == []
    refresh_report(campaign.pk)
    assert campaign.reports.latest().judgment_count == 0
    assert Judgment.objects.filter(pk=judgment.pk).exists()
    assert Withdrawal.objects.get().by == manager
    event = AuditEvent.objects.get(verb="judgment.withdrawn")
    assert (event.user, event.campaign, event.subject) == (manager, campaign, judgment.public_id)


def test_its_rater_cannot_bring_it_back_by_revising_it(campaign, judgment):
    withdraw(judgment)
    with pytest.raises(ConflictError, match="withdrawn"):
        revise_judgment(
            rater=judgment.rater, judgment_id=judgment.public_id, answer={"side": "right"}
        )
    assert exported(campaign) == []


def test_a_judgment_that_was_changed_is_not_the_one_to_withdraw(campaign, judgment):
    newer = revise_judgment(
        rater=judgment.rater, judgment_id=judgment.public_id, answer={"side": "right"}
    ).judgment
    with pytest.raises(CommandError, match=str(newer.public_id)):
        withdraw(judgment)
    withdraw(newer)
    assert exported(campaign) == []


def test_only_managers_withdraw_and_they_say_why(campaign, judgment):
    factories.member(campaign, "researcher", "rae")
    factories.user("stranger")
    for by in ("rae", "stranger", "ann", "nobody"):
        with pytest.raises(CommandError):
            withdraw(judgment, by=by)
    for reason in (" ", "x" * 501):
        with pytest.raises(CommandError, match="Say why"):
            withdraw(judgment, reason=reason)
    with pytest.raises(CommandError, match="no judgment j-17"):
        withdraw("j-17")
    assert not Withdrawal.objects.exists()
    assert not AuditEvent.objects.filter(verb="judgment.withdrawn").exists()


def test_an_archived_campaign_keeps_its_judgments(campaign, judgment):
    update_campaign(campaign=campaign, by=None, state="archived")
    with pytest.raises(CommandError, match="archived"):
        withdraw(judgment)
    assert exported(campaign) == [str(judgment.public_id)]
