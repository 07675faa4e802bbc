"""The numbers: read a campaign's judgments, compute, keep the report."""

import logging

from celery import shared_task
from django.db import OperationalError

from labeling.actions.jobs import finish_job, start_job
from labeling.actions.progress import pulse
from labeling.actions.reports import record_report, turn_to_report
from labeling.actions.styles import count_styles, count_styles_anywhere
from labeling.actions.tallies import turn_to_count
from labeling.metrics.over_time import agreement_over_time, collected
from labeling.metrics.report import METHOD_VERSION, build_report
from labeling.metrics.rounds import round_rows
from labeling.models import Campaign, Job, Report
from labeling.queries.agreement_parts import agreement_parts
from labeling.queries.bias_report import bias_section
from labeling.queries.clause_agreement import clause_report
from labeling.queries.due import campaigns_to_report
from labeling.queries.item_styles import item_styles
from labeling.queries.judges import judge_context
from labeling.queries.outcomes import outcomes, public_ids, with_stored_sides
from labeling.queries.planning import planning_section
from labeling.queries.ranking_parts import ranking_parts
from labeling.queries.round_marks import round_marks
from labeling.queries.rules import rules_section
from labeling.queries.voter_groups import disagreement_report, group_report, groupings_of
from workers.tallies import compute_board

logger = logging.getLogger(__name__)

# A bell not heard within this many seconds is dropped: the next beat rings anew.
BELL_SECONDS = 10


@shared_task(expires=BELL_SECONDS)
def refresh_reports() -> None:
    """Ring for every campaign whose report lags behind its judgments."""
    for campaign_id in campaigns_to_report(method_version=METHOD_VERSION):
        refresh_report.apply_async((campaign_id,), expires=BELL_SECONDS, retry=False)


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def refresh_report(campaign_id: int) -> None:
    """Bring the campaign's report up to date. Nothing to do when another worker is at it."""
    with turn_to_report(campaign_id=campaign_id, wait=False) as is_ours:
        # Looked at again under the lock: two bells may have rung for one change.
        if is_ours and campaigns_to_report(method_version=METHOD_VERSION, campaign_id=campaign_id):
            compute_report(Campaign.objects.get(pk=campaign_id))


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def run_report(job_id: int) -> None:
    """Compute the report that somebody asked for, after one that is being computed now.

    What is kept of items between reports is counted anew as well.
    """
    job = start_job(job_id=job_id)
    if job is None:
        return
    # Waiting for a turn and computing may each take longer than a worker may be silent.
    with pulse(job_id=job.pk, attempt=job.attempts):
        with turn_to_report(campaign_id=job.campaign_id, wait=True):
            report = compute_report(job.campaign)
        # Not within that turn: meanwhile the next report may be computed.
        with turn_to_count(campaign_id=job.campaign_id, wait=True):
            compute_board(job.campaign, whole=True)
    finish_job(
        job=job,
        status=Job.Status.SUCCEEDED,
        result={"report": str(report.public_id), "judgment_count": report.judgment_count},
    )


@shared_task(expires=30)
def sweep_styles() -> None:
    """Count the formatting of completions that are older than its columns, some at a time."""
    if counted := count_styles_anywhere():
        logger.info("formatting of %d completions was counted", counted)


def compute_report(campaign: Campaign) -> Report:
    """The report of the campaign's judgments as they stand, stored under their number."""
    count_styles(campaign=campaign)
    read = outcomes(campaign)
    body = build_report(
        read.votes,
        campaign=campaign.slug,
        computed_at=read.read_at.isoformat().replace("+00:00", "Z"),
        through_judgment=str(read.through_judgment) if read.through_judgment else None,
        judges=read.is_judge,
        gold=read.gold,
        public_ids=public_ids,
        judge_context=judge_context(
            campaign, read.votes, is_judge=read.is_judge, rater_keys=read.rater_keys
        ),
    )
    body["contested"] = with_stored_sides(body["contested"])
    body["clauses"], body["why"]["clauses"] = clause_report(
        campaign, read.votes, judges=read.is_judge, gold=read.gold
    )
    body["counts"]["excluded_judgments"] = read.excluded_count
    body["is_simulated"] = campaign.is_simulated
    body["over_time"] = {
        "krippendorff_alpha_ordinal": agreement_over_time(
            read.votes, read.judged_at, judges=read.is_judge, gold=read.gold
        ),
        **collected(read.votes, read.judged_at, judges=read.is_judge, gold=read.gold),
    }
    styles = item_styles(campaign, read.votes.item_keys)
    body |= bias_section(campaign, read, body["bias"], styles)
    marks = round_marks(campaign, read.votes.item_keys)
    body["rounds"] = round_rows(
        read.votes,
        read.judged_at,
        rounds=marks.rounds,
        round_of_item=marks.of_item,
        judges=read.is_judge,
        gold=read.gold,
        kept=marks.kept,
    )
    body["rankings"] = ranking_parts(campaign, read, round_of_item=marks.of_item, styles=styles)
    groupings = groupings_of(campaign, read)
    body["agreement_by"] = agreement_parts(
        campaign, read, round_of_item=marks.of_item, groupings=groupings
    )
    body["groups"], body["why"]["groups"] = group_report(campaign, read, groupings)
    body["disagreement"] = disagreement_report(read)
    body["rules"], of_raters = rules_section(campaign, read)
    body["raters"] = [row | of_raters.get(row["rater"], {}) for row in body["raters"]]
    body["planning"] = planning_section(campaign, read)
    report = record_report(
        campaign=campaign,
        event_count=read.event_count,
        judgment_count=body["judgment_count"],
        through_judgment=read.through_judgment,
        method_version=METHOD_VERSION,
        body=body,
        computed_at=read.read_at,
    )
    logger.info("report of campaign %s: %d judgments", campaign.slug, report.judgment_count)
    return report
