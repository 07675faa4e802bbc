"""A campaign's people as the file that lets raters in, so that it may be edited and sent again."""

from labeling.models import Campaign, Skill
from labeling.queries.entry import PARTICIPANT
from labeling.skills import same_name

GIVEN = (Skill.Source.GRANTED, Skill.Source.IMPORTED)


def rater_file(campaign: Campaign) -> tuple[list[str], list[list[str]]]:
    """Header and lines: everybody who signs in, by what labeling.formats.raters reads.

    Of skills those that somebody vouches for: what was earned is earned again, or fades. What a
    panel calls its participants leaves by no file.
    """
    seats = list(
        campaign.seats.filter(rater__user__isnull=False)
        .select_related("rater__user")
        .order_by("rater__user__username")
    )
    levels: dict[int, dict[str, float]] = {}
    names: dict[str, str] = {}
    for row in Skill.objects.filter(rater__seats__campaign=campaign, source__in=GIVEN):
        key = same_name(row.name)
        names.setdefault(key, row.name)
        own = levels.setdefault(row.rater_id, {})
        own[key] = max(own.get(key, 0), row.level)
    groups = sorted({name for seat in seats for name in seat.groups})
    skills = sorted(names)
    header = [
        *("username", "email", "external_id", "languages"),
        *(f"groups.{name}" for name in groups),
        *(f"skills.{names[key]}" for key in skills),
    ]
    lines = []
    for seat in seats:
        user = seat.rater.user
        if user is None:
            continue
        is_participant = user.username.startswith(PARTICIPANT)
        own = levels.get(seat.rater_id, {})
        lines.append(
            [
                user.username,
                user.email,
                "" if is_participant else seat.external_id or "",
                ",".join(seat.rater.languages),
                *(str(seat.groups.get(name, "")) for name in groups),
                *(f"{own[key]:g}" if key in own else "" for key in skills),
            ]
        )
    return header, lines
