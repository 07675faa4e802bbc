"""Start a campaign as another one is set up, without anything that was judged in it."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from labeling import audit
from labeling.actions.campaigns import new_campaign
from labeling.models import Campaign, GuidelineVersion, Membership, Seat, User
from labeling.models.copied import copy_texts

# What a clone takes over unless it is said otherwise. Its name and its address are its own.
TAKEN_OVER = (
    "description",
    "overlap",
    "lease_seconds",
    "revise_seconds",
    "schema",
    "presentation",
    "requirements",
    "policy",
    "attribution",
)


@transaction.atomic(durable=True)
def clone_campaign(
    *,
    source: Campaign,
    by: User | None,
    name: str,
    slug: str = "",
    with_comparisons: bool = False,
    with_raters: bool = False,
    **changes: Any,
) -> Campaign:
    """A draft with the settings, the policy and the newest guidelines of `source`.

    `with_comparisons` brings its prompts, completions, pairs and known answers; `with_raters` lets
    those in who may rate there. Judgments, rounds and reports stay where they are. `changes` are
    settings that differ. Where the source asks for its own qualification, that one is asked for
    here as well: who passed it may rate at once.
    """
    settings = {field: getattr(source, field) for field in TAKEN_OVER} | changes
    campaign = new_campaign(
        organisation=source.organisation,
        by=by,
        name=name,
        slug=slug,
        cloned_from=source,
        **settings,
    )
    version = source.guidelines.filter(number__isnull=False).order_by("-number").first()
    if version is not None:
        _take_over(version, campaign, by)
    comparisons = copy_texts(source_id=source.pk, target_id=campaign.pk) if with_comparisons else 0
    raters = _let_in(source, campaign) if with_raters else 0
    audit.record(
        "campaign.cloned",
        campaign=campaign,
        by=by,
        subject=source.public_id,
        comparisons=comparisons,
        raters=raters,
    )
    return campaign


def _take_over(version: GuidelineVersion, campaign: Campaign, by: User | None) -> None:
    GuidelineVersion.objects.create(
        campaign=campaign,
        number=1,
        body=version.body,
        clauses=version.clauses,
        examples=version.examples,
        change_note=f"As version {version.number} of {version.campaign.name}",
        published_at=timezone.now(),
        published_by=by,
    )


def _let_in(source: Campaign, campaign: Campaign) -> int:
    """Give those the role of rater who have it in the source and are not paused there."""
    paused = Seat.objects.filter(campaign=source, is_active=False, rater__user__isnull=False)
    members = (
        Membership.objects.filter(campaign=source, role=Membership.Role.RATER, user__is_active=True)
        .exclude(user__in=paused.values("rater__user"))
        .values_list("user", flat=True)
    )
    made = Membership.objects.bulk_create(
        Membership(campaign=campaign, user_id=user, role=Membership.Role.RATER) for user in members
    )
    return len(made)
