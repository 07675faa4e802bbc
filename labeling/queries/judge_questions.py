"""What a judge is told, read from the campaign: its question, and the comparisons one by one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labeling.clauses import read_examples
from labeling.clients.protocol import CompletionRequest, SentImage
from labeling.formats.marks import masked_messages, unnamed_messages
from labeling.judging.prompting import Question, new_mark, user_message
from labeling.models import Campaign, Comparison, GuidelineVersion, Judge
from labeling.queries.readings import newest_version
from labeling.queries.sent_images import sent_images
from labeling.schemas import read_schema


@dataclass(frozen=True)
class Asked:
    """A judge's question as it is now, and the version of the guidelines it comes from."""

    question: Question
    version: GuidelineVersion | None

    @property
    def number(self) -> int | None:
        """The version's number; None for a judge that follows no guidelines."""
        return self.version.number if self.version else None


@dataclass(frozen=True)
class Shown:
    """A comparison as a judge sees it: a's texts, b's, and the images that they name."""

    prompt: Sequence[Any]
    a: Sequence[Any]
    b: Sequence[Any]
    images: Mapping[str, SentImage]


def question_of(judge: Judge) -> Asked:
    """The judge's question. The judge comes with its campaign and endpoint."""
    campaign, endpoint = judge.campaign, judge.endpoint
    version = newest_version(campaign) if judge.follows_guidelines else None
    question = Question(
        schema=read_schema(campaign.schema),
        guidelines=version.body if version else "",
        examples=(
            read_examples(version.examples, [clause["id"] for clause in version.clauses])
            if version
            else ()
        ),
        rubric=judge.rubric,
        persona=judge.persona,
        model=endpoint.model,
        sampling={**endpoint.sampling, **judge.sampling},
        both_orders=judge.both_orders,
        samples=judge.samples,
    )
    return Asked(question, version)


def shown_to_judge(campaign: Campaign, comparison_ids: Iterable[int]) -> dict[int, Shown]:
    """The comparisons by their ids, as little telling as they can be.

    Whatever raters see, a judge is not told which model wrote a text: names of speakers go, and
    what a text says of the model that wrote it is blotted out, so that no judge knows its own.
    """
    rows = Comparison.objects.filter(pk__in=list(comparison_ids), campaign=campaign)
    found: dict[int, Shown] = {}
    for row in rows.select_related("prompt", "completion_a", "completion_b"):
        prompt = unnamed_messages(row.prompt.messages)
        a = masked_messages(unnamed_messages(row.completion_a.messages or []))
        b = masked_messages(unnamed_messages(row.completion_b.messages or []))
        found[row.pk] = Shown(prompt, a, b, sent_images(campaign.pk, [*prompt, *a, *b]))
    return found


def request_for(
    asked: Asked, shown: Shown, *, shown_left: str, sample: int, is_bound: bool
) -> tuple[str, CompletionRequest]:
    """The call's mark, and the call. `is_bound`: the server is to hold the answer to a schema."""
    question = asked.question
    left, right = (shown.a, shown.b) if shown_left == "a" else (shown.b, shown.a)
    mark = new_mark()
    request = CompletionRequest(
        model=question.model,
        messages=[user_message(mark, shown.prompt, left, right)],
        sampling=question.sampling,
        sample=sample,
        system=question.system,
        schema=question.answer_schema if is_bound else None,
        images=shown.images,
    )
    return mark, request
