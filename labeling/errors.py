"""What a user may be told: one family of errors.

They turn into HTTP in one place for pages and one for the API.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldProblem:
    """One thing wrong with what was sent: where, and what to do about it."""

    field: str
    message: str
    line: int | None = None


class LabelingError(Exception):
    """A refusal whose message the user may read. `status` is the HTTP status that says the same."""

    status = 400
    title = "This cannot be done"

    def __init__(self, message: str, *, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)


class InvalidInputError(LabelingError):
    """What was sent breaks a rule; `problems` names each field."""

    title = "Some of what was sent cannot be used"


def refused(field: str, message: str) -> InvalidInputError:
    """The refusal of one field, with its way out."""
    return InvalidInputError(f"{field}: {message}", problems=[FieldProblem(field, message)])


class NotAllowedError(LabelingError):
    """The user may see the thing but not do this to it."""

    status = 403
    title = "Not allowed"


class NotQualifiedError(NotAllowedError):
    """A qualification comes before the campaign's own comparisons, and is not passed."""

    title = "A qualification comes first"


class RequirementsUnmetError(NotQualifiedError):
    """The campaign asks for skills or languages that the rater lacks; each is a problem."""

    title = "This campaign asks for something more"


class EnoughForTodayError(NotAllowedError):
    """The campaign gives a rater so many comparisons a day, and they have done them."""

    title = "That is enough for today"


class EnoughInAllError(NotAllowedError):
    """The campaign gives a rater so many comparisons in all, and they have done them."""

    title = "You have done your part here"


class StudyDoneError(NotAllowedError):
    """A participant has given all that their study wanted."""

    title = "You have finished this study"


class NotFoundError(LabelingError):
    """Unknown, or not for this user: the two look the same from outside."""

    status = 404
    title = "Not found"


class ConflictError(LabelingError):
    """The state of things forbids it now."""

    status = 409
    title = "Conflict"


class EndedError(ConflictError):
    """The campaign is over; what was sent to it is refused and not kept."""

    title = "This campaign has ended"


class LeaseLostError(ConflictError):
    """The rater's hold on the comparison has ended and somebody else may have it."""

    title = "This comparison has gone to another rater"


class TooLargeError(LabelingError):
    """More than this server takes at once."""

    status = 413
    title = "Too large"


class BusyError(LabelingError):
    """Too much at once; the same call works a moment later."""

    status = 503
    title = "One moment"
    retry_after_seconds = 1


class TooOftenError(LabelingError):
    """The same was asked for a moment ago; it works again a moment later."""

    status = 429
    title = "Too many requests"
    retry_after_seconds = 5
