"""The audit of a campaign, or of an organisation: who did what, when, from where; filtered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from labeling.models import AuditEvent, Campaign, Organisation, Seat, User

PAGE = 50
# Entries are counted up to here: beyond it the page says "more than".
MOST_COUNTED = 10_000
# What a kind of entry is called, and how its verbs begin.
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "settings": (
        "Settings",
        (
            "campaign.",
            "round.",
            "guidelines.",
            "model.",
            "endpoint.",
            "judge.",
            "routing.",
            "demo.",
        ),
    ),
    "raters": (
        "Raters",
        (
            *("rater.", "raters.", "participant.", "member.", "case.", "exclusion.", "appeal."),
            *("skill.", "skills.", "profile.", "demographics.", "gold."),
        ),
    ),
    "data": ("Data in and out", ("import.", "job.", "dataset.", "generation.", "completion.")),
    "review": ("Review", ("review.", "judgment.withdrawn")),
    "access": (
        "Access",
        ("token.", "person.", "invitation.", "sign_in.", "entry_link.", "audit."),
    ),
    "judging": (
        "Judging",
        ("judgment.submitted", "judgment.revised", "judgment.refused", "assignment."),
    ),
}
SYSTEM = "thurstone"
# Who did what nobody who is known did.
STRANGERS = {"sign_in.failed": "Somebody"}


@dataclass(frozen=True)
class Filter:
    """Which entries are wanted; all but raters' judging unless something else is named."""

    # The public id of a person, `thurstone` for what nobody asked for, or empty.
    who: str = ""
    what: str = ""
    since: date | None = None
    until: date | None = None
    words: str = ""


@dataclass(frozen=True)
class Entry:
    """One event, with the name its doer goes by in this campaign.

    Of an organisation's it says whom it is about, if that is somebody of it.
    """

    event: AuditEvent
    who: str
    about: str = ""

    @property
    def facts(self) -> list[tuple[str, Any]]:
        """Its details as names and values, in a stable order."""
        return [
            (name.replace("_", " "), _plain(value))
            for name, value in sorted(self.event.details.items())
        ]


@dataclass(frozen=True)
class Page:
    """A page of entries, newest first, and where the ones before and after it begin."""

    entries: list[Entry] = field(default_factory=list)
    older: UUID | None = None
    is_first: bool = True
    count: int = 0

    @property
    def is_cut(self) -> bool:
        return self.count > MOST_COUNTED


def activity_page(
    of: Campaign | Organisation, wanted: Filter, *, after: UUID | None = None
) -> Page:
    """The newest entries that fit, or those older than the one called `after`."""
    fitting = _fitting(of, wanted)
    count = fitting.order_by()[: MOST_COUNTED + 1].count()
    shown = fitting
    if after is not None:
        shown = shown.filter(pk__lt=_place(of, after))
    events = list(shown.select_related("user", "rater")[: PAGE + 1])
    older = events[PAGE - 1].public_id if len(events) > PAGE else None
    return Page(_named(of, events[:PAGE]), older, after is None, count)


def activity_rows(of: Campaign | Organisation, wanted: Filter) -> Iterator[tuple[Any, ...]]:
    """Every entry that fits, newest first, for a file; read as it is written."""
    batch: list[AuditEvent] = []
    for event in _fitting(of, wanted).select_related("user", "rater").iterator(2000):
        batch.append(event)
        if len(batch) == 2000:
            yield from _rows(of, batch)
            batch = []
    yield from _rows(of, batch)


def doers(of: Campaign | Organisation) -> list[User]:
    """The people who did something there other than judging."""
    acted = _events_of(of).filter(user__isnull=False).order_by()
    return list(
        User.objects.filter(pk__in=acted.values("user").distinct()).order_by("username")[:200]
    )


def _events_of(of: Campaign | Organisation) -> QuerySet[AuditEvent]:
    """All events of a campaign; or those about an organisation and its members' accounts.

    What a member does in another organisation is of that one. Who said something of themselves is
    told to nobody.
    """
    if isinstance(of, Campaign):
        return AuditEvent.objects.filter(campaign=of)
    members = User.objects.filter(organisation_memberships__organisation=of)
    of_members = Q(user__in=members.values("pk")) | Q(subject__in=members.values("public_id"))
    return AuditEvent.objects.filter(
        Q(details__organisation=str(of.public_id))
        | of_members & ~Q(details__has_key="organisation"),
        campaign=None,
    ).exclude(verb__startswith="demographics.")


def _fitting(of: Campaign | Organisation, wanted: Filter) -> QuerySet[AuditEvent]:
    events = _events_of(of).order_by("-pk")
    if wanted.what in KINDS:
        events = events.filter(_begins(KINDS[wanted.what][1]))
    elif wanted.what != "all":
        events = events.exclude(_begins(KINDS["judging"][1]))
    if wanted.who == SYSTEM:
        events = events.filter(user=None, rater=None)
    elif (person := _uuid(wanted.who)) is not None:
        events = events.filter(user__public_id=person)
    if wanted.since:
        events = events.filter(created_at__gte=_midnight(wanted.since))
    if wanted.until:
        events = events.filter(created_at__lt=_midnight(wanted.until + timedelta(days=1)))
    if words := wanted.words.strip():
        found = Q(verb__icontains=words.replace(" ", ".")) | Q(text__icontains=words)
        if (named := _uuid(words)) is not None:
            found |= Q(subject=named)
        events = events.annotate(text=Cast("details", TextField())).filter(found)
    return events


def _plain(value: Any) -> Any:
    """A detail as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        # What settings were, and what they became.
        return "; ".join(
            f"{name} {_plain(before)} → {_plain(after)}" for name, (before, after) in value.items()
        )
    return "none" if value is None else value


def _begins(verbs: Sequence[str]) -> Q:
    found = Q()
    for verb in verbs:
        found |= Q(verb__startswith=verb)
    return found


def _named(of: Campaign | Organisation, events: Sequence[AuditEvent]) -> list[Entry]:
    if isinstance(of, Organisation):
        about = {event.subject for event in events if event.subject}
        people = User.objects.filter(organisation_memberships__organisation=of)
        labels = {one.public_id: one.label for one in people.filter(public_id__in=about)}
        return [
            Entry(
                event,
                event.user.label if event.user else STRANGERS.get(event.verb, "Thurstone"),
                labels.get(event.subject, "") if event.subject else "",
            )
            for event in events
        ]
    raters = {event.rater_id for event in events if event.rater_id}
    pseudonyms = dict(
        Seat.objects.filter(campaign=of, rater__in=raters).values_list("rater_id", "pseudonym")
    )
    return [
        Entry(
            event,
            event.user.label if event.user else pseudonyms.get(event.rater_id or 0, "Thurstone"),
        )
        for event in events
    ]


def _rows(of: Campaign | Organisation, events: Sequence[AuditEvent]) -> Iterator[tuple[Any, ...]]:
    for entry in _named(of, events):
        event = entry.event
        about = [("about", entry.about)] if entry.about else []
        facts = "; ".join(f"{name}: {value}" for name, value in [*about, *entry.facts])
        at = event.created_at.astimezone(UTC).isoformat()
        subject = str(event.subject or "")
        yield at, entry.who, event.verb, subject, facts, event.via, event.address or ""


def _place(of: Campaign | Organisation, public_id: UUID) -> int:
    found = _events_of(of).filter(public_id=public_id)
    return found.values_list("pk", flat=True).first() or 0


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
