"""Written guidelines by their clauses: sections, what changed between versions, worked examples.

Pure: Markdown and JSON in, frozen values out. A clause is a heading that begins with its id, such
as "## T1 Truthfulness", below the text's own title; what stands above the first of them, and
headings without an id, are sections too.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from labeling.errors import FieldProblem, InvalidInputError

_HEADING = re.compile(r"^#{2,4}\s+(?P<title>.*?)\s*#*\s*$")
_CLAUSE = re.compile(r"^(?P<id>[A-Z]{1,3}\d{1,3})\b[.:]?\s*(?P<title>.*)$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
# Words of a section that are compared one by one; a longer one is compared line by line.
MOST_WORDS = 1000
# A clause under another id is likely the same one when so much of its words is.
ALIKE = 0.6


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it. `id` is a clause's, or empty."""

    id: str
    title: str
    text: str

    @property
    def key(self) -> str:
        """What makes it the same section in another version."""
        return self.id or self.title


@dataclass(frozen=True)
class Piece:
    """A run of words that stayed, came or went."""

    kind: Literal["same", "added", "removed"]
    text: str


@dataclass(frozen=True)
class Change:
    """A section that is new, gone, or says something else."""

    kind: Literal["new", "gone", "changed"]
    id: str
    title: str
    pieces: tuple[Piece, ...]


def sections(body: str) -> list[Section]:
    """The text cut at its headings of the second to fourth level; headings in code are none."""
    found: list[Section] = []
    title, lines, fence = "", list[str](), ""
    for line in body.splitlines():
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark.group(1)
            elif mark.group(1).startswith(fence):
                fence = ""
        heading = None if fence else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        _close(found, title, lines)
        title, lines = heading.group("title"), []
    _close(found, title, lines)
    return found


def _close(found: list[Section], title: str, lines: list[str]) -> None:
    text = "\n".join(lines).strip("\n")
    if not title and not text.strip():
        return
    clause = _CLAUSE.match(title)
    if clause:
        found.append(Section(clause.group("id"), clause.group("title").strip(), text))
    else:
        found.append(Section("", title, text))


def clauses_of(body: str) -> list[dict[str, str]]:
    """Ids and titles of the clauses. InvalidInputError where two have the same id."""
    found = [{"id": section.id, "title": section.title} for section in sections(body) if section.id]
    ids = [clause["id"] for clause in found]
    if twins := sorted({key for key in ids if ids.count(key) > 1}):
        message = f"Two clauses have the same id: {', '.join(twins)}. Give each its own."
        raise InvalidInputError(message, problems=[FieldProblem("body", message)])
    return found


def changes(old: str, new: str, renamed: Mapping[str, str] | None = None) -> list[Change]:
    """What a reader of `old` has to read to know `new`: by section, in the order of `new`.

    A section that only moved has not changed; nor has one that only got another id, where `renamed`
    (former ids to present ones) says so. A clause that became part of one that `old` has is gone.
    """
    earlier = _under_present_ids(sections(old), renamed or {})
    before = {section.key: section for section in reversed(earlier)}
    now = sections(new)
    found: list[Change] = []
    for section in now:
        known = before.get(section.key)
        if known is None:
            pieces: tuple[Piece, ...] = (Piece("added", section.text),) if section.text else ()
            found.append(Change("new", section.id, section.title, pieces))
        elif (known.title, _plain(known.text)) != (section.title, _plain(section.text)):
            pieces = tuple(_pieces(known.text, section.text))
            found.append(Change("changed", section.id, section.title, pieces))
    kept = {section.key for section in now}
    found += [
        Change("gone", section.id, section.title, (Piece("removed", section.text),))
        for section in earlier
        if section.key not in kept
    ]
    return found


def _under_present_ids(found: list[Section], renamed: Mapping[str, str]) -> list[Section]:
    taken = {section.id for section in found if section.id}
    placed: list[Section] = []
    for section in found:
        now = renamed.get(section.id, "")
        is_renamed = bool(now) and now not in taken
        taken.add(now)
        placed.append(replace(section, id=now) if is_renamed else section)
    return placed


def _plain(text: str) -> str:
    return " ".join(text.split())


def _pieces(old: str, new: str) -> Iterator[Piece]:
    cut = re.compile(r"\S+\s*|\s+")
    a, b = cut.findall(old), cut.findall(new)
    if max(len(a), len(b)) > MOST_WORDS:
        a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    for verb, a1, a2, b1, b2 in matcher.get_opcodes():
        if verb == "equal":
            yield Piece("same", "".join(b[b1:b2]))
            continue
        if a2 > a1:
            yield Piece("removed", "".join(a[a1:a2]))
        if b2 > b1:
            yield Piece("added", "".join(b[b1:b2]))


def likely_renames(old: str, new: str) -> dict[str, str]:
    """Which clause of `new` each clause that is gone from `old` seems to have become."""
    after = [one for one in sections(new) if one.id]
    kept = {one.id for one in after}
    before = [one for one in sections(old) if one.id]
    fresh = [one for one in after if one.id not in {known.id for known in before}]
    found: dict[str, str] = {}
    for gone in (one for one in before if one.id not in kept):
        likeness = [(_likeness(gone, one), one.id) for one in fresh]
        if likeness and (best := max(likeness))[0] >= ALIKE:
            found[gone.id] = best[1]
            fresh = [one for one in fresh if one.id != best[1]]
    return found


def _likeness(a: Section, b: Section) -> float:
    if a.title and a.title == b.title:
        return 1.0
    one, other = f"{a.title} {a.text}".split(), f"{b.title} {b.text}".split()
    matcher = difflib.SequenceMatcher(None, one[:MOST_WORDS], other[:MOST_WORDS], autojunk=False)
    return matcher.ratio()


def former_ids(clauses: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Of stored clauses: the id that each had before, to the one it has now."""
    return {str(was): str(one["id"]) for one in clauses for was in one.get("was", ())}


def with_former_ids(
    clauses: Sequence[Mapping[str, str]],
    before: Sequence[Mapping[str, Any]],
    renamed: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The clauses, each with the ids by which earlier judgments cite it, where it has any.

    `before` are those of the version before, whose former ids stay; `renamed` says which clause a
    gone id has become. InvalidInputError for an id that is not gone, or a clause there is not.
    """
    ids = {one["id"] for one in clauses}
    known = {str(one["id"]) for one in before}
    for old, new in renamed.items():
        if old in ids or old not in known or new not in ids:
            message = f"{old} cannot be kept as a former id of {new}."
            raise InvalidInputError(message, problems=[FieldProblem("renamed", message)])
    now = former_ids(before) | dict(renamed)
    # A clause that was renamed twice: its first id leads to its last.
    now = {was: renamed.get(new, new) for was, new in now.items()}
    return [
        {**one, **({"was": was} if (was := _former(one["id"], now, ids)) else {})}
        for one in clauses
    ]


def _former(key: str, now: Mapping[str, str], ids: set[str]) -> list[str]:
    return sorted(was for was, new in now.items() if new == key and was not in ids)


Text = Annotated[str, Meta(min_length=1, max_length=4000)]
MOST_EXAMPLES = 50


class WorkedExample(Struct, frozen=True, forbid_unknown_fields=True):
    """A comparison that is told with its answer, under the clause that decides it."""

    clause: Annotated[str, Meta(min_length=2, max_length=6)]
    prompt: Text
    a: Text
    b: Text
    preference: Literal["a", "b", "tie", "both_bad"]
    why: Text
    strength: Annotated[int, Meta(ge=1, le=3)] | None = None


def read_examples(value: Any, clauses: Sequence[str]) -> tuple[WorkedExample, ...]:
    """The worked examples in `value`, each of one of the `clauses`.

    Raises InvalidInputError with a problem per field, named as `examples[0].why`.
    """
    if not isinstance(value, list | tuple):
        message = "A list of worked examples."
        raise InvalidInputError(message, problems=[FieldProblem("examples", message)])
    if len(value) > MOST_EXAMPLES:
        message = f"At most {MOST_EXAMPLES} worked examples; there are {len(value)}."
        raise InvalidInputError(message, problems=[FieldProblem("examples", message)])
    found: list[WorkedExample] = []
    problems: list[FieldProblem] = []
    for number, item in enumerate(value):
        field = f"examples[{number}]"
        try:
            example = msgspec.convert(item, WorkedExample)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `")
            problems.append(FieldProblem(field + path.rstrip("`").removeprefix("$"), message))
            continue
        problems += _misfits(example, field, clauses)
        found.append(example)
    if problems:
        first = problems[0]
        raise InvalidInputError(f"{first.field}: {first.message}", problems=problems)
    return tuple(found)


def _misfits(example: WorkedExample, field: str, clauses: Sequence[str]) -> Iterator[FieldProblem]:
    if example.clause not in clauses:
        known = ", ".join(clauses) or "none"
        message = f"There is no clause {example.clause} in the text; it has {known}."
        yield FieldProblem(f"{field}.clause", message)
    if example.strength is not None and example.preference not in ("a", "b"):
        yield FieldProblem(f"{field}.strength", "Only a side is more or less better.")
    for name in ("prompt", "a", "b", "why"):
        text = getattr(example, name)
        if not text.strip() or "\x00" in text:
            yield FieldProblem(f"{field}.{name}", "Write the text.")
