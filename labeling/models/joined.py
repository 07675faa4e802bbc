"""Reads of the rating loop in plain SQL, as model instances.

Django puts a query together anew each time, and for a join of whole rows that costs several times
what PostgreSQL needs to answer it. What runs at every claim and submission is written out here.
"""

from collections.abc import Mapping
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
    """A statement that answers with whole rows of several tables side by side.

    `first` goes before its SELECT, `also` are further columns.
    """

    def __init__(
        self, tables: Mapping[str, type[Model]], source: str, *, first: str = "", also: str = ""
    ) -> None:
        self._tables, self._source, self._first, self._also = tables, source, first, also

    def first(self, parameters: Mapping[str, Any]) -> list[Any] | None:
        """An instance of each table, then what `also` names; None if there is no row."""
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
            for field in model._meta.concrete_fields
        ]
        columns += [self._also] if self._also else []
        return f"{self._first} SELECT {', '.join(columns)} {self._source}"

    @cached_property
    def _columns(self) -> list[tuple[type[Model], list[str], list[tuple[int, Any]]]]:
        columns = []
        for model in self._tables.values():
            fields = model._meta.concrete_fields
            readers = [
                (number, field.from_db_value)
                for number, field in enumerate(fields)
                if hasattr(field, "from_db_value")
            ]
            columns.append((model, [field.attname for field in fields], readers))
        return columns


_TOKEN = Joined(
    {"t": Token, "u": User},
    """FROM labeling_token t JOIN labeling_user u ON u.id = t.user_id
    WHERE t.digest = %(digest)s AND t.revoked_at IS NULL AND u.is_active
      AND (t.expires_at IS NULL OR t.expires_at > now())""",
    also="ARRAY(SELECT b.campaign_id FROM labeling_token_campaigns b WHERE b.token_id = t.id)",
)
_SEAT = Joined(
    {"s": Seat, "r": Rater, "c": Campaign},
    """FROM labeling_campaign c JOIN labeling_seat s ON s.campaign_id = c.id
    JOIN labeling_rater r ON r.id = s.rater_id
    WHERE c.slug = %(slug)s AND r.user_id = %(user)s AND EXISTS (
      SELECT FROM labeling_membership m
      WHERE m.campaign_id = c.id AND m.user_id = %(user)s AND m.role = 'rater')""",
)
_ASSIGNMENT_OF_USER = Joined(
    {"s": Seat, "r": Rater, "a": Assignment, "c": Campaign},
    """FROM labeling_assignment a JOIN labeling_campaign c ON c.id = a.campaign_id
    JOIN labeling_seat s ON s.campaign_id = a.campaign_id
    JOIN labeling_rater r ON r.id = s.rater_id
    WHERE a.public_id = %(assignment)s AND r.user_id = %(user)s
      AND r.id IN (a.rater_id, a.lapsed_from_id)""",
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


def presented_token(digest: bytes) -> Token | None:
    """The valid token with this digest, with its user and the campaigns it is bound to."""
    if (found := _TOKEN.first({"digest": digest})) is None:
        return None
    token: Token
    token, token.user, token.bound_to = found
    return token


def seat_for_rater(user: User, slug: str) -> Seat | None:
    """The user's seat, with rater and campaign, where they hold the role of rater."""
    if (found := _SEAT.first({"user": user.pk, "slug": slug})) is None:
        return None
    seat: Seat
    seat, seat.rater, seat.campaign = found
    return seat


def assignment_of_user(user: User, public_id: UUID) -> tuple[Seat, Assignment] | None:
    """The assignment with its campaign, the seat with its rater, if it is or was last theirs."""
    found = _ASSIGNMENT_OF_USER.first({"user": user.pk, "assignment": public_id})
    if found is None:
        return None
    seat: Seat
    assignment: Assignment
    seat, seat.rater, assignment, assignment.campaign = found
    return seat, assignment


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
