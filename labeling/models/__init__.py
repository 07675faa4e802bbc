"""Every table, by its noun."""

from labeling.models.accounts import Organisation, OrganisationMember, User
from labeling.models.appeals import Appeal
from labeling.models.assignments import Assignment, Lane, Place
from labeling.models.audit import AuditEvent
from labeling.models.campaigns import Campaign, Membership
from labeling.models.comparisons import Comparison, Gold
from labeling.models.drafts import Draft
from labeling.models.generation import Endpoint, GenerationRun, GenerationSlot, RunEndpoint
from labeling.models.guidelines import GuidelineReading, GuidelineVersion
from labeling.models.images import Image
from labeling.models.jobs import Import, ImportProblem, Job
from labeling.models.judgments import Judgment, Withdrawal
from labeling.models.prompts import Completion, Prompt, Source
from labeling.models.raters import Rater, Seat
from labeling.models.reports import Report
from labeling.models.rounds import Round
from labeling.models.snapshots import Snapshot
from labeling.models.tokens import IdempotentRequest, Token

__all__ = [
    "Appeal",
    "Assignment",
    "AuditEvent",
    "Campaign",
    "Comparison",
    "Completion",
    "Draft",
    "Endpoint",
    "GenerationRun",
    "GenerationSlot",
    "Gold",
    "GuidelineReading",
    "GuidelineVersion",
    "IdempotentRequest",
    "Image",
    "Import",
    "ImportProblem",
    "Job",
    "Judgment",
    "Lane",
    "Membership",
    "Organisation",
    "OrganisationMember",
    "Place",
    "Prompt",
    "Rater",
    "Report",
    "Round",
    "RunEndpoint",
    "Seat",
    "Snapshot",
    "Source",
    "Token",
    "User",
    "Withdrawal",
]
