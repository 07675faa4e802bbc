"""`manage.py simulate`: a campaign through the real queue, held against what was planted."""

import io
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from labeling.actions.claiming import claim_assignment
from labeling.actions.raters import add_member, take_seat
from labeling.actions.rating import judge_assignment
from labeling.actions.simulation import (
    date_back_round,
    enrol_simulated_people,
    remove_simulated_campaign,
)
from labeling.errors import ConflictError, NotAllowedError
from labeling.management.simulating import Course
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    DueTally,
    Judgment,
    Organisation,
    Prompt,
    Rater,
    Seat,
    User,
)
from labeling.queries.rater_signals import chances_of_all, evidence_of
from tests import factories
from tests.simulating import simulated

pytestmark = pytest.mark.django_db
# An import ticks on a connection of its own, so what it reads must be committed.
in_earnest = pytest.mark.django_db(transaction=True)

SMALL = (
    *("--models", "4", "--items", "30", "--raters", "8", "--votes", "4", "--groups", "2"),
    *("--kinds", "left=0.13,random=0.13", "--streaming", "0.5", "--length", "0.5"),
    *("--first-criterion", "0.5", "--skips", "0.03", "--days", "6", "--rounds", "2"),
)


@pytest.fixture
def home(settings, tmp_path: Path) -> Path:
    """The folder where the truth is kept."""
    settings.HOME = tmp_path
    return tmp_path


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("simulate", *arguments, stdout=out)
    return out.getvalue()


@in_earnest
def test_a_campaign_is_judged_reported_on_and_taken_away(home):
    lab = factories.organisation()
    real = factories.campaign(of=lab)
    before = User.objects.count()
    text = run("--campaign", "Power study", *SMALL)
    campaign = Campaign.objects.get(slug="power-study")
    truth = json.loads((home / "simulations" / "power-study.json").read_text())
    _it_went_through_the_queue(campaign)
    _what_was_planted_is_in_it(campaign, truth)
    _it_lies_in_the_days_gone_by(campaign)
    _the_report_is_held_against_the_truth(campaign, truth, text)
    with pytest.raises(CommandError, match="power-study is there already"):
        run("--campaign", "power-study", *SMALL)
    assert "power-study is gone" in run("--campaign", "power-study", "--remove")
    assert list(Campaign.objects.all()) == [real]
    assert User.objects.count() == before
    for model in (Judgment, Assignment, Prompt, Seat, Rater):
        assert not model.objects.exists(), model
    assert not (home / "simulations" / "power-study.json").exists()
    assert AuditEvent.objects.filter(verb="campaign.removed").count() == 1


def _it_went_through_the_queue(campaign: Campaign) -> None:
    assert campaign.is_simulated
    assert campaign.state == "completed"
    judged = campaign.judgments
    assert judged.filter(comparison__gold=None, is_repeat=False).count() == 30 * 4
    assert not judged.filter(assignment=None).exists()
    assert not judged.filter(rater__is_simulated=False).exists()
    assert judged.filter(comparison__gold__isnull=False).exists()
    assert Assignment.objects.filter(campaign=campaign, outcome="skipped").exists()
    assert [one.state for one in campaign.rounds.all()] == ["closed", "closed"]
    assert not User.objects.filter(is_simulated=True, is_active=True).exists()


def _what_was_planted_is_in_it(campaign: Campaign, truth) -> None:
    arms = Counter(campaign.judgments.values_list("presentation_arm", "client__shown_as"))
    assert set(arms) == {("at once", "instant"), ("as written", "paced")}
    groups = Counter(seat.groups["panel"] for seat in campaign.seats.all())
    assert groups == {"north": 4, "south": 4}
    left = next(one["name"] for one in truth["raters"] if one["kind"] == "left")
    seat = campaign.seats.get(rater__user__username=left)
    assert truth["pseudonyms"][left] == seat.pseudonym
    given = campaign.judgments.filter(rater=seat.rater)
    assert all(one.preference == one.shown_left for one in given)


def _it_lies_in_the_days_gone_by(campaign: Campaign) -> None:
    times = list(campaign.judgments.order_by("pk").values_list("judged_at", flat=True))
    assert times == sorted(times)
    assert timedelta(days=4) < times[-1] - times[0] < timedelta(days=6.1)
    assert times[-1] <= timezone.now()
    stored = campaign.judgments.latest("pk").created_at
    assert timezone.now() - stored < timedelta(minutes=10)
    opened = [one.created_at for one in campaign.rounds.order_by("number")]
    assert opened[0] <= times[0]
    assert times[0] < opened[1] < times[-1]


def _the_report_is_held_against_the_truth(campaign: Campaign, truth, text: str) -> None:
    body = campaign.reports.latest().body
    assert body["is_simulated"] is True
    rows = [one for one in truth["findings"] if one["part"] == "strength"]
    assert [one["name"] for one in rows] == [row["model"] for row in body["leaderboard"]]
    assert all(row["name"] in text for row in rows)
    parts = Counter(one["part"] for one in truth["findings"])
    assert parts == {"strength": 4, "bias": 2, "arm": 3, "style": 1}
    held = [one["is_inside"] for one in truth["findings"] if one["part"] != "style"]
    assert None not in held
    # Four raters are too few for a group to be shown.
    assert sum(held) >= len(held) - 2
    assert "as written, less at once" in text
    left = next(one for one in truth["caught"] if one["kind"] == "left")
    assert left["caught"] == left["raters"] == 1
    assert "left: always takes the left side" in text
    # One reading for all says what the page of each rater says.
    chances = chances_of_all(campaign)
    for seat in campaign.seats.select_related("rater")[:2]:
        found = evidence_of(campaign, seat.rater)
        assert found is not None
        assert chances[seat.rater_id] == pytest.approx(found.together)


@in_earnest
def test_items_that_are_decided_get_no_more(home):
    done = simulated(votes=5, spread=3.0, gold_rate=0, repeat_rate=0, course=Course(1, "curtailed"))
    assert done.judgments < 24 * 5
    slots = Assignment.objects.filter(campaign=done.campaign, ordinal__isnull=False)
    assert slots.filter(outcome="cancelled").count() == 24 * 5 - done.judgments
    assert done.skips == 0


def test_a_campaign_that_people_judged_is_refused_and_stays(home):
    campaign = factories.campaign(slug="mixed", is_simulated=True)
    factories.open_comparisons(campaign, 1)
    seat = factories.rater(campaign)
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    judge_assignment(rater=seat.rater, assignment=held, answer={"side": "left"})
    for arguments in (["--campaign", "mixed", "--remove"], ["--campaign", "mixed"]):
        with pytest.raises(CommandError, match="1 judgments that were not simulated"):
            run(*arguments)
    assert campaign.judgments.count() == 1


def test_a_campaign_that_is_not_simulated_is_out_of_reach():
    campaign = factories.campaign()
    with pytest.raises(NotAllowedError, match="no simulated campaign"):
        remove_simulated_campaign(campaign=campaign)
    factories.open_comparisons(campaign, 1)
    with pytest.raises(NotAllowedError):
        date_back_round(round_=campaign.rounds.get(), at=timezone.now())
    assert Campaign.objects.filter(pk=campaign.pk).exists()


def test_only_a_simulated_rater_of_a_simulated_campaign_is_dated_back():
    long_ago = timezone.now() - timedelta(days=9)
    for is_simulated in (False, True):
        campaign = factories.campaign(is_simulated=is_simulated)
        factories.open_comparisons(campaign, 1)
        seat = factories.rater(campaign)
        held = claim_assignment(rater=seat.rater, campaign=campaign)
        assert held is not None
        with pytest.raises(NotAllowedError, match="simulated rater"):
            judge_assignment(
                rater=seat.rater, assignment=held, answer={"side": "left"}, at=long_ago
            )
        assert not campaign.judgments.exists()


def test_a_simulated_person_who_rates_elsewhere_too_is_kept():
    lab = factories.organisation()
    one, two = enrol_simulated_people(organisation=lab, names=["s-1", "s-2"])
    gone, other = (factories.campaign(of=lab, is_simulated=True) for _ in range(2))
    for person, campaign in ((one, gone), (two, gone), (one, other)):
        add_member(campaign=campaign, user=person, role="rater", by=None)
        take_seat(user=person, campaign=campaign)
    remove_simulated_campaign(campaign=gone)
    assert list(User.objects.filter(is_simulated=True)) == [one]
    assert other.seats.count() == other.memberships.count() == 1


def test_a_removed_campaign_leaves_no_note_of_what_is_to_be_counted():
    gone, other = (factories.campaign(is_simulated=True) for _ in range(2))
    (person,) = enrol_simulated_people(organisation=gone.organisation, names=["s-1"])
    add_member(campaign=gone, user=person, role="rater", by=None)
    rater = take_seat(user=person, campaign=gone).rater
    for campaign in (gone, other):
        factories.open_comparisons(campaign, 1)
    Judgment.objects.create(
        campaign=gone, comparison=gone.comparisons.get(), rater=rater, preference="a"
    )
    kept = DueTally.objects.create(campaign=other, comparison=other.comparisons.get())
    assert DueTally.objects.filter(campaign=gone).exists()
    remove_simulated_campaign(campaign=gone)
    assert list(DueTally.objects.all()) == [kept]


def test_a_real_person_is_not_made_a_simulated_one():
    factories.user("sim-1")
    with pytest.raises(ConflictError, match="sim-1, who is not simulated"):
        enrol_simulated_people(organisation=factories.organisation(), names=["sim-1"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--models", "1"], "models goes from 2"),
        (["--kinds", "left"], "write it as random=0.1"),
        (["--kinds", "sleepy=0.1"], "no kind sleepy"),
        (["--rounds", "0"], "--rounds goes from 1"),
        (["--owner", "nobody"], "no user nobody"),
        (["--organisation", "nowhere"], "no organisation nowhere"),
        (["--campaign", "…"], "letters and digits"),
        (["--campaign", "none", "--remove"], "no campaign none"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_made(home, arguments, says):
    factories.organisation()
    with pytest.raises(CommandError, match=says):
        run(*arguments)
    assert not Campaign.objects.exists()


def test_among_several_organisations_one_is_named(home):
    for _ in range(2):
        factories.organisation()
    with pytest.raises(CommandError, match="several organisations"):
        run()
    Organisation.objects.all().delete()
    with pytest.raises(CommandError, match="no organisation yet"):
        run()
