"""What every table shares: a public id that says nothing, and a creation time from the database."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.functions import Now


class PublicModel(models.Model):
    """A row that outsiders may name: by a random UUID, never by its internal id."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


class CurrentTransactionId(models.Func):
    """`pg_current_xact_id()`, as a column default."""

    function = "pg_current_xact_id"
    template = "%(function)s()"
    output_field = models.BigIntegerField()


if TYPE_CHECKING:
    _BigIntegerField = models.BigIntegerField[int, int]
else:
    _BigIntegerField = models.BigIntegerField


class TransactionIdField(_BigIntegerField):
    """PostgreSQL's xid8 of the writing transaction: what a counter or a snapshot may rely on.

    Internal ids are taken before commit, so "everything after id n" misses late commits; windows
    of transaction ids below the oldest running one do not.
    """

    def __init__(self, *, null: bool = False) -> None:
        super().__init__(editable=False, null=null, db_default=CurrentTransactionId())

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        # Migrations import none of our code: to them this is a bigint, turned into xid8 by SQL.
        name, _, args, kwargs = super().deconstruct()
        kwargs.pop("db_default", None)
        return name, "django.db.models.BigIntegerField", args, kwargs

    def clone(self) -> "TransactionIdField":
        return type(self)(null=self.null)

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> int | None:
        return None if value is None else int(value)
