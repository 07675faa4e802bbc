"""Every table, by its noun."""

from labeling.models.accounts import Organisation, OrganisationMember, User
from labeling.models.adjudications import Adjudication
from labeling.models.appeals import Appeal
from labeling.models.assignments import Assignment, Lane, Place
from labeling.models.audit import AuditEvent, AuditSeal
from labeling.models.campaigns import Campaign, Membership
from labeling.models.cases import Case, CaseEntry, ExcludedJudgment, Exclusion
from labeling.models.comparisons import Comparison, Gold
from labeling.models.drafts import Draft
from labeling.models.generation import (
    Endpoint,
    GenerationRun,
    GenerationSlot,
    RawAnswer,
    RunEndpoint,
)
from labeling.models.guidelines import GuidelineReading, GuidelineVersion
from labeling.models.images import Image
from labeling.models.invitations import EntryLink, EntryVisit, Invitation
from labeling.models.jobs import Import, ImportProblem, Job
from labeling.models.judges import Judge, JudgeCall, JudgeVerdict, RoutedComparison, Routing
from labeling.models.judgments import Judgment, Withdrawal
from labeling.models.notifications import Notification
from labeling.models.prompts import Completion, Prompt, Source
from labeling.models.raters import Demographics, Rater, Seat, Skill
from labeling.models.reports import Report
from labeling.models.rounds import Round, RoundItem
from labeling.models.snapshots import Snapshot
from labeling.models.tallies import Board, DueTally, ItemTally, TallyPattern
from labeling.models.tokens import IdempotentRequest, Token
from labeling.models.trained_models import TrainedModel

__all__ = [
    "Adjudication",
    "Appeal",
    "Assignment",
    "AuditEvent",
    "AuditSeal",
    "Board",
    "Campaign",
    "Case",
    "CaseEntry",
    "Comparison",
    "Completion",
    "Demographics",
    "Draft",
    "DueTally",
    "Endpoint",
    "EntryLink",
    "EntryVisit",
    "ExcludedJudgment",
    "Exclusion",
    "GenerationRun",
    "GenerationSlot",
    "Gold",
    "GuidelineReading",
    "GuidelineVersion",
    "IdempotentRequest",
    "Image",
    "Import",
    "ImportProblem",
    "Invitation",
    "ItemTally",
    "Job",
    "Judge",
    "JudgeCall",
    "JudgeVerdict",
    "Judgment",
    "Lane",
    "Membership",
    "Notification",
    "Organisation",
    "OrganisationMember",
    "Place",
    "Prompt",
    "Rater",
    "RawAnswer",
    "Report",
    "Round",
    "RoundItem",
    "RoutedComparison",
    "Routing",
    "RunEndpoint",
    "Seat",
    "Skill",
    "Snapshot",
    "Source",
    "TallyPattern",
    "Token",
    "TrainedModel",
    "User",
    "Withdrawal",
]
