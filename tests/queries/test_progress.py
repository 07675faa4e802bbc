"""What the dashboard is told: pace and forecast, the curve, happenings, contested comparisons."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import skip_assignment
from labeling.models import Campaign, Seat
from labeling.queries.progress import activity, burn_up_series, newest, pace, with_progress
from labeling.queries.votes import Vote, contested, judged, summary
from tests import factories, judging
from workers.metrics import refresh_report

DAY = 24 * 3600
NOON = datetime(2024, 5, 19, 12, tzinfo=UTC)
TODAY = int(datetime(2024, 5, 19, tzinfo=UTC).timestamp())


def body(by_day: list[list[int]], by_hour: list[list[int]] | None = None) -> dict[str, Any]:
    total = sum(count for _, count in by_day)
    return {
        "over_time": {"by_day": by_day, "by_hour": by_hour or []},
        "counts": {"judgments_counted": total, "dropped_repeat_judgments": 0},
        "computed_at": NOON.isoformat(),
    }


def test_pace_is_the_mean_of_seven_days_and_days_without_judgments_count():
    days = [[TODAY - 8 * DAY, 1000], [TODAY - 6 * DAY, 70], [TODAY - 3 * DAY, 70]]
    told = pace(body(days), NOON, remaining=200)
    assert told.per_day == 20
    assert (told.days, told.is_current) == (7, True)
    assert told.finish == date(2024, 5, 29)
    assert told.finish_low is not None
    assert told.finish_low < told.finish
    # The slow limit of so uneven a pace is no pace at all: no date stands for it.
    assert told.finish_high is None
    assert told.history == [1000, 0, 70, 0, 0, 70, 0, 0, 0]


def test_an_even_pace_has_a_forecast_with_both_limits():
    days = [[TODAY - k * DAY, 100 + k % 2] for k in range(10)][::-1]
    told = pace(body(days), NOON, remaining=1000)
    assert told.finish_low is not None
    assert told.finish is not None
    assert told.finish_high is not None
    assert told.finish_low <= told.finish <= told.finish_high
    assert told.finish == date(2024, 5, 29)


def test_no_forecast_when_nothing_remains_or_nothing_came_lately():
    assert pace(body([[TODAY, 5]]), NOON, remaining=0).finish is None
    old = pace(body([[TODAY - 40 * DAY, 10], [TODAY - 39 * DAY, 30]]), NOON, remaining=9)
    assert (old.per_day, old.days, old.is_current, old.finish) == (20, 2, False, None)
    assert pace(None, NOON, remaining=3).per_day is None
    assert pace(body([]), NOON, remaining=3).per_day is None


def test_the_last_24_hours_are_counted_by_whole_hours():
    hour = TODAY + 11 * 3600
    hours = [[hour - 26 * 3600, 4], [hour - 20 * 3600, 2], [hour, 3]]
    told = pace(body([[TODAY - DAY, 7], [TODAY, 3]], hours), NOON, remaining=1)
    assert told.last_hours == 5


def test_one_day_is_no_pace_to_forecast_from():
    told = pace(body([[TODAY, 50]]), NOON, remaining=100)
    assert (told.per_day, told.days, told.finish) == (50, 1, None)


def test_judgments_without_times_have_no_pace():
    told = pace({"over_time": {"by_day": [], "by_hour": [], "undated_count": 9}}, NOON, remaining=3)
    assert (told.per_day, told.last_hours, told.finish, told.undated_count) == (None, 0, None, 9)


def test_the_curve_is_the_report_s():
    rows = [[TODAY, 7], [TODAY, 8], [TODAY + 60, 20]]
    assert burn_up_series({"over_time": {"collected": rows}}) == [(at, n) for at, n in rows]
    assert burn_up_series(None) == burn_up_series(body([])) == []


@pytest.mark.parametrize(
    ("preference", "strength", "step", "words"),
    [
        ("a", 3, "a3", "A much better"),
        ("a", 1, "a1", "A slightly better"),
        ("b", 2, "b2", "B better"),
        ("b", None, "b2", "B better"),
        ("tie", 0, "tie", "tie"),
        ("both_bad", 0, "tie", "both bad"),
    ],
)
def test_a_vote_has_its_step_on_the_scale(preference, strength, step, words):
    vote = Vote(preference, strength)
    assert (vote.step, vote.words) == (step, words)


def test_a_summary_is_what_the_user_said_last_in_one_line():
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "First"},
        {"role": "assistant", "content": "Yes"},
        {"role": "user", "content": [{"type": "text", "text": "Second\n  line "}]},
    ]
    assert summary(messages) == "Second line"
    assert summary([]) == ""
    assert summary([{"role": "system", "content": "Only this"}]) == "Only this"
    assert len(summary([{"role": "user", "content": "x" * 5000}])) == 160


@pytest.mark.django_db
class TestRows:
    def test_the_same_by_the_same_rater_in_a_row_is_told_once(self):
        campaign = factories.campaign(overlap=1)
        judging.judged(campaign, {"ann": ["a"] * 4})
        seat = Seat.objects.get(campaign=campaign)
        factories.open_comparisons(campaign, 1)
        held = claim_assignment(rater=seat.rater, campaign=campaign)
        assert held is not None
        skip_assignment(rater=seat.rater, assignment_id=held.public_id, reason="")
        told = [(one.verb, one.count, one.who) for one in activity(campaign, limit=10)]
        assert told[0] == ("assignment.skipped", 1, seat.pseudonym)
        assert ("judgment.submitted", 4, seat.pseudonym) in told
        assert all("ann" not in who for _, _, who in told)
        assert len(activity(campaign, limit=2)) == 2
        assert newest(campaign).event is not None
        assert newest(campaign).event != newest(factories.campaign()).event

    def test_happenings_of_other_campaigns_are_not_told(self):
        campaign = factories.campaign()
        judging.judged(factories.campaign(), {"ann": ["a"]})
        assert [one.verb for one in activity(campaign, limit=10)] == ["campaign.created"]

    def test_contested_comparisons_come_with_their_votes(self):
        campaign = factories.campaign(overlap=2)
        rows = judging.judged(campaign, {"ann": ["a", "a"], "bob": ["a", "b"]})
        refresh_report(campaign.pk)
        report = campaign.reports.latest()
        (found,) = contested(campaign, report.body, limit=5)
        assert found.comparison.pk == rows[1].pk
        assert [vote.letter for vote in found.votes] == ["A", "B"]
        assert found.words == "A slightly better, B slightly better"
        assert contested(factories.campaign(), report.body, limit=5) == []

    def test_a_superseded_vote_is_not_shown(self):
        campaign = factories.campaign()
        (row,) = judging.judged(campaign, {"ann": ["a"]})
        first = row.judgments.get()
        campaign.judgments.create(
            comparison=row, rater=first.rater, preference="b", strength=3, supersedes=first
        )
        assert [vote.step for vote in judged([row])[0].votes] == ["b3"]

    def test_a_list_of_campaigns_tells_done_and_open(self):
        campaign = factories.campaign(overlap=1)
        judging.judged(campaign, {"ann": ["a", "b"]})
        factories.open_comparisons(campaign, 3)
        refresh_report(campaign.pk)
        bare = factories.campaign()
        rows = {row.pk: row for row in with_progress(Campaign.objects.all())}
        told: Any = rows[campaign.pk]
        assert (told.done_count, told.open_count) == (2, 3)
        untold: Any = rows[bare.pk]
        assert (untold.done_count, untold.open_count) == (None, 0)


def test_a_forecast_too_far_off_names_no_day():
    told = pace(body([[TODAY, 1]]), NOON, remaining=10**9)
    assert told.finish is None
