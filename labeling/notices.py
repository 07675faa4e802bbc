"""What people are told of, and in which words. Pure: a kind and its details in, a sentence out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Channel = Literal["off", "app", "mail", "digest"]
CHANNELS: tuple[Channel, ...] = ("off", "app", "mail", "digest")


@dataclass(frozen=True)
class Kind:
    """One thing that may be told: how its settings call it, how it goes out, and its sentence."""

    title: str
    channel: Channel
    # With the fields of `details` in braces.
    sentence: str
    # Whether it is told to raters of their own work; the rest is told to those who run campaigns.
    is_for_raters: bool = False


KINDS: dict[str, Kind] = {
    "round.finished": Kind(
        "A round is finished", "digest", "Round {number} has all its judgments."
    ),
    "agreement.fell": Kind(
        "Agreement fell below its floor",
        "mail",
        "Agreement is {alpha}, below the floor of {floor}.",
    ),
    "endpoint.failing": Kind(
        "An endpoint fails", "mail", "The endpoint {endpoint} has stopped answering: {why}."
    ),
    "routing.fell_short": Kind(
        "A judge falls short of its promise",
        "mail",
        "Where {judge} decides alone, people agree with {found} of what they audited; at least"
        " {promised} was promised.",
    ),
    "routing.outdated": Kind(
        "A judge that decided alone is another one now",
        "mail",
        "{judge} is asked otherwise than when it was weighed against people: it or its guidelines"
        " changed. People decide everything until it is weighed and switched on again.",
    ),
    "generation.budget": Kind(
        "A run of generation is at its budget",
        "app",
        "A run has made {calls} calls and stands at its budget. Raise it, and the run goes on.",
    ),
    "appeal.waiting": Kind(
        "A rater appeals", "app", "{rater} appeals against a known answer. It waits for you."
    ),
    "appeal.decided": Kind(
        "An appeal of mine is decided",
        "mail",
        "Your appeal was {decision}. {answer}",
        is_for_raters=True,
    ),
    "case.opened": Kind("A case is opened", "app", "A case on {rater} was opened: {why}."),
    "case.entry": Kind(
        "Word about my work",
        "mail",
        "There is a message about your judgments for you to read.",
        is_for_raters=True,
    ),
    "case.reply": Kind("A rater replies", "app", "{rater} replied in their case."),
    "exclusion.waiting": Kind(
        "A decision waits for a second manager",
        "app",
        "Leaving out all work of {rater} waits for a second manager.",
    ),
    "skill.earned": Kind(
        "I earned a skill", "app", "You now have the skill {skill}.", is_for_raters=True
    ),
    "gold.suspect": Kind(
        "Known answers that careful raters miss",
        "digest",
        "Careful raters got a known answer right in {right} of {count} cases: it may be wrong.",
    ),
    "comparison.decided": Kind(
        "A reviewer's word on what I judged",
        "digest",
        "A reviewer explained a comparison that you judged. You can read it once your judgment can"
        " no longer be changed.",
        is_for_raters=True,
    ),
}


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"


def fill(sentence: str, details: Mapping[str, Any]) -> str:
    """A kind's sentence, maybe translated, with its details; one that is missing leaves a gap."""
    # Details are plain text: no field of a format may reach into them.
    plain = _Known({name: str(value) for name, value in details.items()})
    return sentence.format_map(plain).strip()


def channel_of(kind: str, wanted: Mapping[str, Any]) -> Channel:
    """How somebody with these settings is told of a kind."""
    chosen = wanted.get(kind)
    return chosen if chosen in CHANNELS else KINDS[kind].channel
