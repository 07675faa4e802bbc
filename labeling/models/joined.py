"""Reads of the rating loop in plain SQL, as model instances.

Django puts a query together anew each time, and for a join of whole rows that costs several times
what PostgreSQL needs to answer it. What runs at every claim and submission is written out here.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model

from labeling.models.accounts import User
from labeling.models.assignments import Assignment
from labeling.models.campaigns import Campaign
from labeling.models.comparisons import Comparison
from labeling.models.prompts import Completion, Prompt
from labeling.models.raters import Rater, Seat
from labeling.models.tokens import Token


class Joined:
    """A statement that answers with rows of several tables side by side, as instances.

    `first` goes before its SELECT, `also` are further columns. Of the models in LEAN only the
    columns named there are read, unless `is_whole`; the others would be read when asked for.
    """

    def __init__(
        self,
        tables: Mapping[str, type[Model]],
        source: str,
        *,
        first: str = "",
        also: str = "",
        is_whole: bool = False,
    ) -> None:
        self._tables, self._source, self._first, self._also = tables, source, first, also
        self._lean = {} if is_whole else LEAN

    def first(self, parameters: Mapping[str, Any]) -> list[Any] | None:
        """An instance of each table, then what `also` names; None if there is no row.

        An outer join that found nothing gives an instance without a key.
        """
        with connection.cursor() as cursor:
            cursor.execute(self._sql, parameters)
            row = cursor.fetchone()
        if row is None:
            return None
        found: list[Any] = []
        at = 0
        for model, names, readers in self._columns:
            values = list(row[at : at + len(names)])
            for number, read in readers:
                values[number] = read(values[number], None, connection)
            found.append(model.from_db(DEFAULT_DB_ALIAS, names, values))
            at += len(names)
        return [*found, *row[at:]]

    @cached_property
    def _sql(self) -> str:
        columns = [
            f"{alias}.{field.column}"
            for alias, model in self._tables.items()
            for field in _fields(model, self._lean)
        ]
        columns += [self._also] if self._also else []
        return f"{self._first} SELECT {', '.join(columns)} {self._source}"

    @cached_property
    def _columns(self) -> list[tuple[type[Model], list[str], list[tuple[int, Any]]]]:
        columns = []
        for model in self._tables.values():
            fields = _fields(model, self._lean)
            readers = [
                (number, field.from_db_value)
                for number, field in enumerate(fields)
                if hasattr(field, "from_db_value")
            ]
            columns.append((model, [field.attname for field in fields], readers))
        return columns


# What the rating loop needs of these: an instance costs by the column.
LEAN: dict[type[Model], set[str]] = {
    User: {"id", "public_id", "username", "is_active", "language"},
    Token: {"id", "user", "scopes", "last_used_at"},
    Rater: {"id", "public_id", "organisation", "user", "kind"},
    Seat: {"id", "rater", "campaign", "is_active"},
    Assignment: {
        "id",
        "public_id",
        "campaign",
        "comparison",
        "ordinal",
        "rater",
        "a_on_left",
        "arm",
        "leased_until",
        "repeat_of",
    },
    Comparison: {"id", "campaign", "round", "prompt", "completion_a", "completion_b"},
    Prompt: {"id", "messages", "language"},
    Completion: {"id", "messages"},
}


def _fields(model: type[Model], lean: Mapping[type[Model], set[str]]) -> list[Any]:
    wanted = lean.get(model)
    fields = list(model._meta.concrete_fields)
    return [field for field in fields if wanted is None or field.name in wanted]


_USER = Joined({"u": User}, "FROM labeling_user u WHERE u.id = %(user)s", is_whole=True)
_VALID = """t.digest = %(digest)s AND t.revoked_at IS NULL AND u.is_active
  AND (t.expires_at IS NULL OR t.expires_at > now())"""
_BOUND = "ARRAY(SELECT b.campaign_id FROM labeling_token_campaigns b WHERE b.token_id = t.id)"
_TOKEN = Joined(
    {"t": Token, "u": User},
    f"FROM labeling_token t JOIN labeling_user u ON u.id = t.user_id WHERE {_VALID}",
    also=_BOUND,
)
_TOKEN_AND_SEAT = Joined(
    {"t": Token, "u": User, "s": Seat, "r": Rater, "c": Campaign},
    f"""FROM labeling_token t JOIN labeling_user u ON u.id = t.user_id
    LEFT JOIN (labeling_seat s
      JOIN labeling_rater r ON r.id = s.rater_id
      JOIN labeling_campaign c ON c.id = s.campaign_id AND c.slug = %(slug)s)
    ON r.user_id = u.id AND EXISTS (
      SELECT FROM labeling_membership m
      WHERE m.campaign_id = c.id AND m.user_id = u.id AND m.role = 'rater')
    WHERE {_VALID}""",
    also=_BOUND,
)
_TOKEN_AND_ASSIGNMENT = Joined(
    {"t": Token, "u": User, "s": Seat, "r": Rater, "a": Assignment, "c": Campaign},
    f"""FROM labeling_token t JOIN labeling_user u ON u.id = t.user_id
    LEFT JOIN (labeling_assignment a
      JOIN labeling_campaign c ON c.id = a.campaign_id
      JOIN labeling_seat s ON s.campaign_id = a.campaign_id
      JOIN labeling_rater r ON r.id = s.rater_id AND r.id IN (a.rater_id, a.lapsed_from_id))
    ON a.public_id = %(assignment)s AND r.user_id = u.id AND EXISTS (
      SELECT FROM labeling_membership m
      WHERE m.campaign_id = a.campaign_id AND m.user_id = u.id AND m.role = 'rater')
    WHERE {_VALID}""",
    also=_BOUND,
)
# Counts go by the index of what a rater ended and when: today's work, however much lies behind.
_DONE = """FROM labeling_assignment a {join}
  WHERE a.rater_id = r.id AND a.campaign_id = c.id AND a.outcome = 'completed' AND a.ended_at >="""
# What was practised on takes nothing from the day, and stays: its answer has been told.
_NOT_PRACTICE = """NOT (a.ordinal IS NULL AND EXISTS (SELECT FROM labeling_comparison q
  JOIN labeling_round u ON u.id = q.round_id AND u.kind = 'qualification'
  WHERE q.id = a.comparison_id))"""
_DESK = Joined(
    {"s": Seat, "r": Rater, "c": Campaign},
    """FROM labeling_campaign c
    JOIN labeling_membership m
      ON m.campaign_id = c.id AND m.user_id = %(user)s AND m.role = 'rater'
    JOIN labeling_seat s ON s.campaign_id = c.id
    JOIN labeling_rater r ON r.id = s.rater_id AND r.user_id = m.user_id
    WHERE c.slug = %(slug)s""",
    also=f"""(SELECT count(*) {_DONE.format(join="")} %(midnight)s AND {_NOT_PRACTICE}),
    (SELECT j.public_id
      {_DONE.format(join="JOIN labeling_judgment j ON j.assignment_id = a.id")}
        now() - c.revise_seconds * interval '1 second'
        AND {_NOT_PRACTICE}
        -- Only what stands: a withdrawn judgment does not bring back the one it was put over.
        AND NOT EXISTS (SELECT FROM labeling_judgment n WHERE n.supersedes_id = j.id)
        AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = j.id)
      ORDER BY a.ended_at DESC, j.id DESC LIMIT 1),
    (SELECT max(g.number) FROM labeling_guidelineversion g WHERE g.campaign_id = c.id),
    -- Newer than what they confirmed to have read, or else judged by last; nothing for a newcomer.
    (SELECT max(g.number) FROM labeling_guidelineversion g
      WHERE g.campaign_id = c.id AND g.asks_rereading AND g.number > greatest(
        (SELECT max(v.number) FROM labeling_guidelinereading t
          JOIN labeling_guidelineversion v ON v.id = t.version_id
          WHERE t.rater_id = r.id AND v.campaign_id = c.id),
        (SELECT coalesce(v.number, 0) FROM labeling_assignment a
          JOIN labeling_judgment j ON j.assignment_id = a.id
          LEFT JOIN labeling_guidelineversion v ON v.id = j.guideline_version_id
          WHERE a.rater_id = r.id AND a.campaign_id = c.id AND a.outcome = 'completed'
          ORDER BY a.ended_at DESC, j.id DESC LIMIT 1))),
    -- What the study of a participant still wants of them; nothing for everybody else.
    (SELECT l.wanted - (SELECT count(*)
        {_DONE.format(join="")} v.created_at AND {_NOT_PRACTICE})
      FROM labeling_entryvisit v JOIN labeling_entrylink l ON l.id = v.link_id
      WHERE v.rater_id = r.id AND l.campaign_id = c.id ORDER BY v.id DESC LIMIT 1)""",
)
_OWN_ASSIGNMENT = Joined(
    {"a": Assignment, "c": Campaign},
    """FROM labeling_assignment a JOIN labeling_campaign c ON c.id = a.campaign_id
    WHERE a.public_id = %(assignment)s AND %(rater)s IN (a.rater_id, a.lapsed_from_id)""",
)
# What is shown of an assignment: also what a claim answers with.
SHOWN = {"a": Assignment, "c": Comparison, "p": Prompt, "x": Completion, "y": Completion}
_SHOWN_ASSIGNMENT = Joined(
    SHOWN,
    """FROM labeling_assignment a JOIN labeling_comparison c ON c.id = a.comparison_id
    JOIN labeling_prompt p ON p.id = c.prompt_id
    JOIN labeling_completion x ON x.id = c.completion_a_id
    JOIN labeling_completion y ON y.id = c.completion_b_id WHERE a.id = %(assignment)s""",
)


def user(pk: int) -> User | None:
    """The user, with all their columns."""
    found = _USER.first({"user": pk})
    return found[0] if found else None


def session_row(key: str | None) -> tuple[Any, ...] | None:
    """Key, data and end of the browser session, unless it has ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT session_key, session_data, expire_date FROM django_session"
            " WHERE session_key = %s AND expire_date > now()",
            [key],
        )
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def presented_token(digest: bytes) -> Token | None:
    """The valid token with this digest, with its user and the campaigns it is bound to."""
    if (found := _TOKEN.first({"digest": digest})) is None:
        return None
    token: Token
    token, token.user, token.bound_to = found
    return token


def token_and_seat(digest: bytes, slug: str) -> tuple[Token, Seat | None] | None:
    """`presented_token`, and its user's seat where they are a rater, with rater and campaign."""
    if (found := _TOKEN_AND_SEAT.first({"digest": digest, "slug": slug})) is None:
        return None
    token: Token
    seat: Seat
    token, token.user, seat, rater, campaign, token.bound_to = found
    if not seat.pk:
        return token, None
    seat.rater, seat.campaign = rater, campaign
    return token, seat


def token_and_assignment(
    digest: bytes, public_id: UUID
) -> tuple[Token, tuple[Seat, Assignment] | None] | None:
    """`presented_token`, and the assignment with its campaign and the seat with its rater.

    The second is None unless the assignment is its user's or was last.
    """
    found = _TOKEN_AND_ASSIGNMENT.first({"digest": digest, "assignment": public_id})
    if found is None:
        return None
    token: Token
    seat: Seat
    assignment: Assignment
    token, token.user, seat, rater, assignment, campaign, token.bound_to = found
    if not assignment.pk:
        return token, None
    seat.rater, assignment.campaign = rater, campaign
    return token, (seat, assignment)


def desk(user_id: int, slug: str, midnight: datetime) -> list[Any] | None:
    """The user's seat in the campaign where they rate, and the numbers of their desk there.

    Those are: judged since midnight, the judgment they may still change, the newest guidelines,
    the newest of those that ask to be read before going on, and what a participant's study wants.
    """
    found = _DESK.first({"user": user_id, "slug": slug, "midnight": midnight})
    if found is None:
        return None
    seat, seat.rater, seat.campaign, *numbers = found
    return [seat, *numbers]


def assignment_of(rater: Rater, public_id: UUID) -> Assignment | None:
    """The assignment with its campaign, if it is the rater's or was last."""
    found = _OWN_ASSIGNMENT.first({"rater": rater.pk, "assignment": public_id})
    if found is None:
        return None
    assignment: Assignment
    assignment, assignment.campaign = found
    return assignment


def assignment_to_show(pk: int, campaign: Campaign) -> Assignment:
    """The assignment with all that is shown of it: its comparison, prompt and completions."""
    found = _SHOWN_ASSIGNMENT.first({"assignment": pk})
    if found is None:
        raise Assignment.DoesNotExist
    return as_shown(found, campaign)


def as_shown(found: list[Any], campaign: Campaign) -> Assignment:
    """The assignment of a row of SHOWN, with the rest of the row attached to it."""
    assignment: Assignment
    comparison: Comparison
    assignment, comparison, comparison.prompt = found[:3]
    comparison.completion_a, comparison.completion_b = found[3:5]
    assignment.comparison, assignment.campaign = comparison, campaign
    return assignment
