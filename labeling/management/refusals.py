"""What a command says when it cannot go on: one sentence, not a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError

from labeling import audit
from labeling.errors import LabelingError


@contextmanager
def in_words() -> Iterator[None]:
    """A refusal, a file's trouble or an absent database ends the command with a sentence.

    What the command does is audited as done at the command line.
    """
    audit.coming_from("command")
    try:
        yield
    except LabelingError as error:
        raise CommandError(error.message) from error
    except (OperationalError, InterfaceError) as error:
        message = "The database does not answer. Is `python manage.py up` running?"
        raise CommandError(message) from error
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        raise CommandError(f"{named}{error.strerror or error}") from error
