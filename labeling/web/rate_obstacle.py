"""What stands between a rater and the next comparison, in words they can do something with."""

from typing import Any

from django.utils.formats import time_format
from django.utils.translation import gettext

from labeling.actions.entry import finish_visit
from labeling.actions.qualification import asks_own_qualification, is_practice
from labeling.charts.small import steps
from labeling.errors import (
    EnoughForTodayError,
    EnoughInAllError,
    NotAllowedError,
    RequirementsUnmetError,
    StudyDoneError,
)
from labeling.models import Assignment, Campaign, EntryVisit, Membership
from labeling.queries import rating, told_answers
from labeling.queries.entry import visit_in
from labeling.queries.guidelines import requalifications
from labeling.queries.rating import Desk
from labeling.queries.told_answers import Practice
from labeling.schemas import read_requirements
from labeling.web.messages import in_their_language


def obstacle(desk: Desk, error: NotAllowedError) -> dict[str, Any]:
    """What the page says of it: enough for today, or a qualification that is not passed; nothing
    where the campaign itself does not run.
    """
    campaign = desk.campaign
    asked = read_requirements(campaign.requirements)
    if isinstance(error, EnoughForTodayError):
        return {"obstacle": "enough", "cap": asked.daily_cap}
    if isinstance(error, StudyDoneError):
        return {"obstacle": "study_done", "visit": study_done(desk)}
    if isinstance(error, EnoughInAllError):
        return {"obstacle": "enough_in_all", "cap": asked.campaign_cap}
    if isinstance(error, RequirementsUnmetError):
        reasons = [in_their_language(problem.message) for problem in error.problems]
        return {"obstacle": "unsuited", "reasons": reasons}
    if not asks_own_qualification(campaign):
        schools = Campaign.objects.filter(
            slug=asked.qualification, organisation=campaign.organisation_id
        )
        school = schools.first()
        may_open = (
            school is not None
            and school.memberships.filter(
                user=desk.rater.user_id, role=Membership.Role.RATER
            ).exists()
        )
        return {"obstacle": "elsewhere", "school": school, "may_open": may_open}
    if campaign.state != Campaign.State.ACTIVE:
        return {}  # The page says so, and no practice is due meanwhile.
    practice = told_answers.practice_of(desk.rater, campaign)
    requalify = requalifications([desk.rater.pk], [campaign.pk]).get(campaign.pk)
    if practice is None:
        return {"obstacle": "not_open", "requalify": requalify}
    return {"obstacle": "not_passed", "standing": practice.standing, "requalify": requalify}


def pace_of(desk: Desk) -> dict[str, Any] | None:
    """Today's judgments in each ten minutes, drawn and as rows; None before there are two such."""
    rows = [
        (time_format(at, "TIME_FORMAT"), count)
        for at, count in rating.pace_in(desk.rater, desk.campaign)
    ]
    if len(rows) < 2:
        return None
    labels = [label for label, _ in rows]
    counts = [count for _, count in rows]
    chart = steps(
        counts,
        labels,
        key="pace",
        title=gettext("Judgments per ten minutes"),
        description=gettext("From %(first)s to %(last)s, at most %(most)s in ten minutes.")
        % {"first": labels[0], "last": labels[-1], "most": max(counts)},
    )
    return {"chart": chart, "rows": [row for row in rows if row[1]]}


def study_done(desk: Desk) -> EntryVisit | None:
    """The participant's visit, noted as finished, with what its link gives them for it."""
    visit = visit_in(desk.rater, desk.campaign)
    if visit is not None:
        finish_visit(visit=visit)
    return visit


def practice_shown(desk: Desk, assignment: Assignment) -> Practice | None:
    """How far the rater is with their qualification, if the assignment is practice.

    Asks the database only where the campaign has one.
    """
    if not is_practice(assignment):
        return None
    return told_answers.practice_of(desk.rater, desk.campaign)
