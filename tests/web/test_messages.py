"""What actions tell raters is found again in the catalogue, whatever stands in its places."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from labeling import errors
from labeling.bench_settings import ACTIONS
from labeling.web.messages import MONTHS, SENTENCES, TITLES, WORDS, in_their_language

LABELING = Path(errors.__file__).parent
# Modules whose refusals a rater may meet.
HEARD = [
    "access.py",
    "bench_settings.py",
    "schemas.py",
    *(f"actions/{name}.py" for name in ("ahead", "appeals", "drafts", "leases", "qualification")),
    "actions/claiming.py",
    *(f"actions/{name}.py" for name in ("raters", "rating", "readings", "profiles", "entry")),
    *("actions/skills.py", "web/entry.py"),
    "actions/invitations.py",
    "skills.py",
    *(f"web/{name}.py" for name in ("answer_fields", "answering", "cards", "errors", "forms")),
    *(f"web/{path.name}" for path in sorted((LABELING / "web").glob("rat*.py"))),
]
# What only managers and programs are told, by its beginning.
UNHEARD = (
    "Only owners and managers",
    "Only what a simulated rater says",
    "Only owners, managers and reviewers",
    "Nobody called ",
    "There is no such job",
    "There is no such organisation",
    "There is no such invitation",
    "This invitation has been used",
    "Only an owner may",
    "Mark the steps: {",
    "A paced arm needs",
    *("Nobody decides on an appeal of their own", "Tell the rater why"),
    *("An address that begins with", "At least one, or leave", "Choose Prolific", "From 1 to "),
    *("This campaign has ended; nobody can", "A level goes from", "The rater says so themselves"),
    "There is no such skill",
    "\0: two of them have the same name",
)
PLACE = re.compile(r"%\(\w+\)s")


def skeleton(node: ast.expr) -> str | None:
    """The text of a string, an f-string or a sum of them, with a NUL where something is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = skeleton(node.left), skeleton(node.right)
        return None if left is None or right is None else left + right
    return None


def told(source: str) -> Iterator[str]:
    """Every sentence that a module raises, names as a problem or calls `message`."""
    for node in ast.walk(ast.parse(source)):
        candidates: list[ast.expr] = []
        if isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name.endswith("Error") and node.args:
                candidates.append(node.args[0])
            if name == "FieldProblem" and len(node.args) > 1:
                candidates.append(node.args[1])
            # What an action says of a text that is missing.
            if name == "_text" and len(node.args) > 2:
                candidates.append(node.args[2])
        elif isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "message" for target in node.targets
        ):
            candidates.append(node.value)
        for candidate in candidates:
            branches = (
                [candidate.body, candidate.orelse]
                if isinstance(candidate, ast.IfExp)
                else [candidate]
            )
            yield from (text for each in branches if (text := skeleton(each)))


def test_every_sentence_a_rater_may_be_told_is_in_the_catalogue():
    known = {PLACE.sub("\0", text) for text in SENTENCES}
    heard = {
        text
        for name in HEARD
        if (LABELING / name).exists()
        for text in told((LABELING / name).read_text())
        if " " in text and text != "\0: \0" and not text.startswith(UNHEARD)
    }
    assert len(heard) > 30
    assert sorted(heard - known) == []
    # Of a case a rater is told no more than these; the rest is for managers.
    of_cases = set(told((LABELING / "actions/cases.py").read_text()))
    assert sorted(known - heard - of_cases) == []


def test_every_kind_of_refusal_has_a_title_to_be_translated():
    titles = {
        kind.title
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.LabelingError)
    }
    assert titles <= set(TITLES)


def test_every_action_of_a_key_has_a_word():
    assert set(ACTIONS.values()) <= set(WORDS)


@pytest.mark.parametrize("language", ["es", "fr", "hi", "ar"])
def test_a_sentence_is_found_whatever_stands_in_it(language):
    for template in SENTENCES:
        places = PLACE.findall(template)
        english = PLACE.sub("\0", template)
        for number in range(len(places)):
            english = english.replace("\0", f"(x{number} 50 %, “y”.)", 1)
        with translation.override(language):
            said = in_their_language(english)
        assert said != english, template
        for number in range(len(places)):
            assert f"(x{number} 50 %, “y”.)" in said


def test_words_in_a_sentence_are_translated_and_texts_are_not():
    with translation.override("es"):
        assert in_their_language("Flag: W is taken by Skip. Choose another.") == (
            "Señalar: W ya la usa «Omitir». Elija otra."
        )
        assert in_their_language("Undo me: say which is better, or choose =.") == (
            "Undo me: diga cuál es mejor o elija =."
        )
        assert in_their_language("Nobody wrote this down.") == "Nobody wrote this down."
        assert in_their_language("") == ""


def test_english_stays_as_it_is():
    with translation.override("en"):
        assert all(in_their_language(text) == text for text in (*SENTENCES, *MONTHS))
