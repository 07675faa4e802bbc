"""Freeze a round's judgments as a numbered data set that never changes."""

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from labeling import audit, jobs
from labeling.actions.ended import hold_campaign
from labeling.actions.jobs import TASKS
from labeling.errors import ConflictError
from labeling.models import Campaign, Job, Judgment, Round, Snapshot, User

KIND = "snapshot"
RULE = "each"


@transaction.atomic(durable=True)
def freeze_round(*, campaign: Campaign, round_: Round, by: User | None) -> Job:
    """The job that freezes what stands of a closed round, or the one that waits to.

    The snapshot's number and hash are in the job's result. Frozen again without a change, it is
    the one that is there; with one, a new number that supersedes it.
    """
    campaign = hold_campaign(campaign)
    # As it is now that nobody closes or opens it.
    round_ = Round.objects.get(pk=round_.pk)
    if round_.kind not in {Round.Kind.PRODUCTION, Round.Kind.CALIBRATION}:
        raise ConflictError(f"A round of {round_.kind} has no judgments of its own to freeze.")
    if round_.state != Round.State.CLOSED:
        raise ConflictError("The round is open and may still get judgments. Close it first.")
    if not Judgment.objects.filter(comparison__round=round_).exists():
        raise ConflictError("Nobody has judged anything in this round, so there is none to freeze.")
    parameters = {"round": round_.number}
    live = (Job.Status.QUEUED, Job.Status.RUNNING)
    same = campaign.jobs.filter(kind=KIND, status__in=live, parameters=parameters)
    if waiting := same.first():
        return waiting
    job = Job.objects.create(campaign=campaign, kind=KIND, parameters=parameters, created_by=by)
    audit.record("job.queued", campaign=campaign, by=by, subject=job.public_id, kind=KIND)
    jobs.enqueue(TASKS[KIND], job.pk)
    return job


@transaction.atomic(durable=True)
def record_snapshot(*, job: Job, round_: Round, sha256: str, manifest: dict[str, Any]) -> Snapshot:
    """The snapshot of these bytes: the newest of the round if it has the same, else a new number.

    A worker that runs a second time, or beside another, finds what the first recorded.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=job.campaign_id)
    filters = {"round": round_.number}
    frozen = campaign.snapshots.filter(frozen_at__isnull=False, filters=filters, rule=RULE)
    newest = frozen.order_by("-number").first()
    if newest is not None and newest.sha256 == sha256:
        return newest
    last = campaign.snapshots.aggregate(last=Max("number"))["last"] or 0
    made = Snapshot.objects.create(
        campaign=campaign,
        number=last + 1,
        name=f"Round {round_.number}",
        rule=RULE,
        tie_policy="keep",
        filters=filters,
        manifest=manifest,
        sha256=sha256,
        supersedes=newest,
        frozen_at=Now(),
        created_by=job.created_by,
    )
    audit.record(
        "dataset.frozen",
        campaign=campaign,
        by=job.created_by,
        subject=made.public_id,
        number=made.number,
        round=round_.number,
        judgments=manifest["judgments"],
    )
    return made
