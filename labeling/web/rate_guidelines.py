"""The guidelines as raters read them: a page, the drawer of the bench, and what is new in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from labeling import access
from labeling.actions.readings import confirm_reading
from labeling.clauses import WorkedExample, changes, read_examples, sections
from labeling.errors import InvalidInputError
from labeling.models import Campaign, GuidelineVersion
from labeling.queries import readings
from labeling.web import rendered
from labeling.web.rate_card import SeeOther, desk_at, frame
from labeling.web.signed_in import PageRequest, signed_in
from labeling.web.verdicts import hue_of, words_of


@dataclass(frozen=True)
class ShownExample:
    """A worked example as HTML."""

    prompt: str
    a: str
    b: str
    why: str
    words: object
    hue: str


@dataclass(frozen=True)
class ShownSection:
    """A section as HTML, with its examples. `anchor` is where a link to it leads."""

    id: str
    title: str
    body: str
    anchor: str
    examples: list[ShownExample]


def shown_sections(version: GuidelineVersion | None) -> list[ShownSection]:
    """The version's sections, rendered once for each text there ever was."""
    if version is None:
        return []
    return [
        ShownSection(
            section.id,
            section.title,
            rendered.markdown(section.text) if section.text else "",
            section.id or f"part-{number}",
            [_shown(example) for example in section.examples],
        )
        for number, section in enumerate(readings.sections_of(version))
    ]


def previewed_sections(body: str, examples: Sequence[Mapping[str, Any]]) -> list[ShownSection]:
    """An unfinished text as raters would see it, with those examples that are whole."""
    whole: list[WorkedExample] = []
    for one in examples:
        try:
            whole += read_examples([one], [str(one.get("clause", ""))])
        except InvalidInputError:
            continue
    return [
        ShownSection(
            section.id,
            section.title,
            rendered.markdown(section.text) if section.text else "",
            section.id or f"part-{number}",
            [_shown(one) for one in whole if section.id and one.clause == section.id],
        )
        for number, section in enumerate(sections(body))
    ]


def _shown(example: WorkedExample) -> ShownExample:
    return ShownExample(
        rendered.markdown(example.prompt),
        rendered.markdown(example.a),
        rendered.markdown(example.b),
        rendered.markdown(example.why),
        words_of(example.preference, example.strength),
        hue_of(example.preference),
    )


@signed_in
@require_safe
def guidelines(request: PageRequest, slug: str) -> HttpResponse:
    """The guidelines raters judge by, their examples and their history; or inside the drawer."""
    campaign = access.campaign_for_rater(request.user, slug)
    version = readings.newest_version(campaign)
    context: dict[str, Any] = {
        "campaign": campaign,
        "version": version,
        "sections": shown_sections(version),
    }
    if request.htmx:
        return render(request, "labeling/rate_guidelines.html#drawer", context)
    context |= compared(request, campaign)
    return render(request, "labeling/rate_guidelines.html", context)


def compared(request: PageRequest, campaign: Campaign) -> dict[str, Any]:
    """The campaign's versions, and the changes between the two that the address names."""
    versions = readings.published_versions(campaign)
    numbers = [version.number for version in versions]
    new = _number(request.GET.get("to", ""), numbers, numbers[0] if numbers else None)
    before = next((number for number in numbers if number and new and number < new), None)
    old = _number(request.GET.get("from", ""), numbers, before)
    found: dict[str, Any] = {"versions": versions, "from": old, "to": new}
    if old and new and old != new:
        texts = {
            number: version.body
            for number in (old, new)
            if (version := readings.version_numbered(campaign, number))
        }
        found["changes"] = changes(texts[old], texts[new])
    return found


def _number(text: str, known: list[int | None], default: int | None) -> int | None:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
    return number if number in known else default


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def news(request: PageRequest, slug: str) -> HttpResponse:
    """What changed since the rater last read; confirming it leads back to the bench."""
    desk = desk_at(request.user, slug)
    bench = reverse("rate", args=[slug])
    if request.method == "POST":
        number = request.POST.get("number", "")
        if not (number.isascii() and number.isdigit() and len(number) < 9):
            raise InvalidInputError("Say which version you have read.")
        confirm_reading(rater=desk.rater, campaign=desk.campaign, number=int(number))
        return SeeOther(bench)
    version = readings.newest_version(desk.campaign)
    if version is None:
        return SeeOther(bench)
    context = frame(request, desk) | {
        "news": readings.news(desk.rater, desk.campaign, version),
    }
    part = "#card" if request.htmx else ""
    return render(request, f"labeling/rate_news.html{part}", context)
