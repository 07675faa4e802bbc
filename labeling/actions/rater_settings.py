"""What a manager notes of raters: groups, an id elsewhere, skills; one by one, or from a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from labeling import audit
from labeling.actions.profiles import checked_languages
from labeling.actions.raters import seat_with_places
from labeling.actions.skills import note_skill
from labeling.errors import FieldProblem, InvalidInputError, LabelingError
from labeling.formats.raters import RaterRow
from labeling.models import Campaign, Membership, Rater, Seat, Skill, User

MOST_GROUPS = 20
KEY_LENGTH = 40
VALUE_LENGTH = 100
ID_LENGTH = 200


@dataclass
class RaterImport:
    """What came of a file of raters: nothing at all where there are problems."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    problems: list[FieldProblem] = field(default_factory=list)


@transaction.atomic(durable=True)
def change_rater(
    *,
    campaign: Campaign,
    rater: Rater,
    by: User | None,
    groups: Mapping[str, str] | None = None,
    external_id: str | None = None,
    languages: Sequence[str] | None = None,
    skills: Mapping[str, float | None] | None = None,
) -> None:
    """Set what is given; the rest stays. `groups` replaces all groups, a skill of None is taken
    away where a manager or a file gave it.
    """
    seat = Seat.objects.select_for_update(no_key=True).get(rater=rater, campaign=campaign)
    held = Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
    changed = _set_seat(seat, groups=groups, external_id=external_id)
    if languages is not None:
        changed |= _set_languages(held, languages)
    for name, level in (skills or {}).items():
        if level is None:
            given = held.skills.filter(source__in=["granted", "imported"], name__iexact=name)
            changed |= bool(given.delete()[0])
        else:
            changed |= _set_skill(held, name, level, Skill.Source.GRANTED)
    if changed:
        audit.record("rater.changed", campaign=campaign, by=by, subject=rater.public_id)


@transaction.atomic(durable=True)
def import_raters(
    *, campaign: Campaign, rows: Sequence[RaterRow], by: User | None, is_dry_run: bool = False
) -> RaterImport:
    """Let the people of the rows rate and note what the rows say of them; all rows or none.

    Again it changes nothing. A dry run says what would be done.
    """
    done = RaterImport(rows=len(rows))
    people = _people(campaign, rows)
    # Seats before the campaign, as everywhere; who has none gets one below.
    seats: dict[int | None, Seat] = {
        seat.rater.user_id: seat
        for seat in Seat.objects.select_for_update(no_key=True, of=("self",))
        .filter(campaign=campaign, rater__user__in=[one for one in people.values() if one])
        .select_related("rater")
        .order_by("pk")
    }
    for row in rows:
        person = people[row.line]
        if person is None:
            done.problems.append(_unknown(row))
            continue
        try:
            with transaction.atomic():
                outcome, seat = _take_row(campaign, row, person, seats.get(person.pk), by)
        except LabelingError as error:
            problem = error.problems[0] if error.problems else FieldProblem("row", error.message)
            done.problems.append(FieldProblem(problem.field, problem.message, row.line))
        else:
            seats[person.pk] = seat
            setattr(done, outcome, getattr(done, outcome) + 1)
    if done.problems or is_dry_run:
        transaction.set_rollback(True)
        if done.problems:
            done.added = done.changed = done.unchanged = 0
    else:
        audit.record(
            "raters.imported",
            campaign=campaign,
            by=by,
            rows=done.rows,
            added=done.added,
            changed=done.changed,
        )
    return done


def _take_row(
    campaign: Campaign, row: RaterRow, person: User, seat: Seat | None, by: User | None
) -> tuple[str, Seat]:
    _, is_member = Membership.objects.get_or_create(
        campaign=campaign, user=person, role=Membership.Role.RATER
    )
    if is_member:
        audit.record(
            "member.added",
            campaign=campaign,
            by=by,
            subject=person.public_id,
            role=Membership.Role.RATER,
        )
    if seat is None:
        rater, _ = Rater.objects.get_or_create(
            organisation=campaign.organisation,
            user=person,
            defaults={"is_simulated": person.is_simulated},
        )
        seat = seat_with_places(rater, campaign)
    groups = {**seat.groups, **row.groups} if row.groups else None
    changed = _set_seat(seat, groups=groups, external_id=row.external_id or None)
    if row.languages:
        changed |= _set_languages(seat.rater, row.languages)
    for name, level in row.skills.items():
        changed |= _set_skill(seat.rater, name, level, Skill.Source.IMPORTED)
    return "added" if is_member else "changed" if changed else "unchanged", seat


def _people(campaign: Campaign, rows: Sequence[RaterRow]) -> dict[int, User | None]:
    """Who each line means: one active person of the campaign's organisation, or nobody."""
    members = User.objects.filter(
        organisation_memberships__organisation=campaign.organisation, is_active=True
    )
    by_name = {one.username: one for one in members}
    by_mail: dict[str, list[User]] = {}
    for one in members:
        if one.email:
            by_mail.setdefault(one.email.lower(), []).append(one)
    found: dict[int, User | None] = {}
    for row in rows:
        meant = by_name.get(row.username) if row.username else None
        if row.email:
            same = by_mail.get(row.email.lower(), [])
            by_address = same[0] if len(same) == 1 else None
            if row.username and meant != by_address:
                meant = None
            elif not row.username:
                meant = by_address
        found[row.line] = meant
    return found


def _unknown(row: RaterRow) -> FieldProblem:
    where = "username" if row.username else "email"
    who = row.username or row.email
    if row.username and row.email:
        message = f"No one person of this organisation is {row.username} with {row.email}."
    else:
        message = f"No one person of this organisation is {who}. Invite them first."
    return FieldProblem(where, message, row.line)


def _set_seat(seat: Seat, *, groups: Mapping[str, str] | None, external_id: str | None) -> bool:
    before = (seat.groups, seat.external_id)
    if groups is not None:
        seat.groups = _checked_groups(groups)
    if external_id is not None:
        seat.external_id = _checked_id(seat, external_id)
    if (seat.groups, seat.external_id) == before:
        return False
    seat.save(update_fields=["groups", "external_id"])
    return True


def _checked_groups(groups: Mapping[str, str]) -> dict[str, str]:
    checked = {}
    for key, value in groups.items():
        name, text = key.strip(), value.strip()
        fits = 0 < len(name) <= KEY_LENGTH and 0 < len(text) <= VALUE_LENGTH
        if not fits or not (name + text).isprintable():
            message = (
                f"A group has a name of at most {KEY_LENGTH} characters and a value of at most"
                f" {VALUE_LENGTH}."
            )
            raise InvalidInputError(message, problems=[FieldProblem(f"groups.{key}", message)])
        checked[name] = text
    if len(checked) > MOST_GROUPS:
        message = f"At most {MOST_GROUPS} groups."
        raise InvalidInputError(message, problems=[FieldProblem("groups", message)])
    return checked


def _checked_id(seat: Seat, external_id: str) -> str | None:
    wanted = external_id.strip() or None
    if wanted is None:
        return None
    if len(wanted) > ID_LENGTH or not wanted.isprintable():
        message = f"An id has at most {ID_LENGTH} characters."
        raise InvalidInputError(message, problems=[FieldProblem("external_id", message)])
    taken = Seat.objects.filter(campaign=seat.campaign_id, external_id=wanted).exclude(pk=seat.pk)
    if taken.exists():
        message = "Another rater of this campaign has this id."
        raise InvalidInputError(message, problems=[FieldProblem("external_id", message)])
    return wanted


def _set_languages(rater: Rater, languages: Sequence[str]) -> bool:
    spoken = checked_languages(languages)
    if spoken == rater.languages:
        return False
    rater.languages = spoken
    rater.save(update_fields=["languages"])
    return True


def _set_skill(rater: Rater, name: str, level: float, source: str) -> bool:
    same = rater.skills.filter(source=source, name__iexact=" ".join(name.split()), level=level)
    if same.exists():
        return False
    note_skill(rater=rater, name=name, level=level, source=source)
    return True
