"""What stands between a rater and the next comparison, in words they can do something with."""

from typing import Any

from labeling.actions.qualification import asks_own_qualification
from labeling.errors import EnoughForTodayError, NotAllowedError
from labeling.models import Assignment, Campaign, Membership
from labeling.queries import told_answers
from labeling.queries.rating import Desk
from labeling.queries.told_answers import Practice
from labeling.schemas import read_requirements


def obstacle(desk: Desk, error: NotAllowedError) -> dict[str, Any]:
    """What the page says of it: enough for today, or a qualification that is not passed; nothing
    where the campaign itself does not run.
    """
    campaign = desk.campaign
    asked = read_requirements(campaign.requirements)
    if isinstance(error, EnoughForTodayError):
        return {"obstacle": "enough", "cap": asked.daily_cap}
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
    if practice is None:
        return {"obstacle": "not_open"}
    return {"obstacle": "not_passed", "standing": practice.standing}


def practice_shown(desk: Desk, assignment: Assignment) -> Practice | None:
    """How far the rater is with their qualification, if the assignment is practice.

    Asks the database only where the campaign has one and the comparison could be of it.
    """
    round_id = assignment.comparison.round_id
    if assignment.ordinal is not None or round_id is None:
        return None
    if not asks_own_qualification(desk.campaign):
        return None
    if not told_answers.is_practice_round(round_id):
        return None
    return told_answers.practice_of(desk.rater, desk.campaign)
