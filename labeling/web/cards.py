"""A comparison as its rater may see it: what was asked, what both begin with, and two sides."""

from dataclasses import dataclass, replace

from labeling.models import Assignment, User
from labeling.presentation import Arrival
from labeling.queries.bench import arrival_of, context, sides
from labeling.rendering.messages import Conversation, shared_count
from labeling.web import rendered


@dataclass(frozen=True)
class Card:
    """Two sides and what they answer, ready to be shown."""

    # What cannot be seen is told of both this and what is shared, which stand together.
    prompt: Conversation
    # The turns that both completions begin with, shown once above them.
    shared: Conversation
    left: Conversation
    right: Conversation
    language: str
    is_last_turn_only: bool = False
    # How the two sides come on screen; None: at once.
    arrival: Arrival | None = None

    @property
    def summary(self) -> str:
        """The last of what both sides answer, in one line."""
        return self.shared.summary if self.shared.turns else self.prompt.summary


def card_of(assignment: Assignment, user: User) -> Card:
    """The assignment's comparison for the eyes of `user`, with a look into the cache."""
    prompt = assignment.comparison.prompt
    left, right = sides(assignment)
    count = shared_count(left, right)
    asked = context(assignment)
    shown = rendered.conversations(
        [asked, left[:count], left[count:], right[count:]],
        campaign=assignment.campaign,
        viewer=user,
    )
    prompted = replace(shown[0], hidden=shown[0].hidden + shown[1].hidden)
    return Card(
        prompted.owned_by("Prompt"),
        shown[1].owned_by("Both responses"),
        shown[2].owned_by("Response A"),
        shown[3].owned_by("Response B"),
        prompt.language if prompt.language.replace("-", "").isalnum() else "",
        is_last_turn_only=len(asked) < len(prompt.messages),
        arrival=arrival_of(assignment),
    )
