"""What raters chose to say of themselves, as groups of them and never as persons."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from labeling.models import Campaign, Demographics
from labeling.policy import Policy, read_policy

# The questions and their answers; each may be skipped. Pages have the words.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "age": ("18_29", "30_44", "45_59", "60_over"),
    "gender": ("woman", "man", "another"),
    "region": ("africa", "asia", "europe", "latin_america", "north_america", "oceania"),
    "education": ("school", "vocational", "bachelor", "master", "doctorate"),
}


# Raters are counted in steps of so many, in every campaign and whatever its policy: two counts of
# the same raters by different steps would tell a part of a group.
STEP = 5


@dataclass(frozen=True)
class Group:
    """One answer and how many gave it; None: withheld."""

    answer: str
    count: int | None


@dataclass(frozen=True)
class Question:
    """The groups of one question; `answered` is None where even that would tell."""

    key: str
    groups: tuple[Group, ...]
    answered: int | None


@dataclass(frozen=True)
class Coverage:
    """What a campaign's raters said of themselves, as far as it may be shown."""

    questions: tuple[Question, ...]
    # Raters with a seat, and those of them who are counted here.
    raters: int
    counted: int
    smallest_group: int
    step: int = STEP


def coverage_of(campaign: Campaign) -> Coverage:
    """Groups of the campaign's raters.

    Those who consented are counted in steps of `STEP`, in the order in which they did: whoever
    looks before and after somebody comes sees a whole step come. The policy's smallest group
    withholds more or less of the same counts, and never less than the step does.
    """
    smallest = smallest_shown(read_policy(campaign.policy))
    given = list(
        Demographics.objects.filter(rater__seats__campaign=campaign)
        .order_by("consented_at", "pk")
        .values_list("answers", flat=True)
    )
    given = given[: len(given) // STEP * STEP]
    questions = tuple(
        question_of(key, Counter(said[key] for said in given if said.get(key)), smallest)
        for key in QUESTIONS
    )
    seated = campaign.seats.filter(rater__user__isnull=False).count()
    return Coverage(questions, seated, len(given), smallest)


def smallest_shown(policy: Policy) -> int:
    """The smallest group that a campaign with the policy shows."""
    return max(policy.smallest_group, STEP)


def question_of(key: str, counts: Mapping[str, int], smallest: int) -> Question:
    """The groups of one question, small ones withheld.

    What is withheld must not follow from what is shown: the groups without a count hold together
    either nobody or at least `smallest`, and the next smallest group is withheld too until they
    do. A group of nobody is withheld like any other small one.
    """
    answered = sum(counts.values())
    options = {answer: counts.get(answer, 0) for answer in QUESTIONS[key]}
    hidden = {answer for answer, n in options.items() if n < smallest}
    while 0 < sum(options[answer] for answer in hidden) < smallest:
        rest = [answer for answer in options if answer not in hidden]
        if not rest:
            break
        hidden.add(min(rest, key=lambda answer: options[answer]))
    groups = tuple(Group(answer, None if answer in hidden else n) for answer, n in options.items())
    return Question(key, groups, answered if answered >= smallest else None)
