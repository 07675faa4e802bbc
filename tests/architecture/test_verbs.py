"""Every verb that the audit is told belongs to one kind, by which the activity page filters."""

import ast
import re
from collections.abc import Iterator

from labeling.queries.activity import KINDS
from tests.architecture.source import ROOT

SOURCES = sorted(
    path for top in ("labeling", "workers", "api") for path in (ROOT / top).rglob("*.py")
)
VERB = re.compile(r"[a-z_]+\.[a-z_]+")


def verb_of(node: ast.expr) -> str | None:
    """What is written as a verb; `x` for a part that is known when it runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
        )
    return None


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def verbs_in(tree: ast.Module) -> Iterator[str]:
    """The verbs that are given to `record`, or to a function that hands its `verb` on to it."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    recorders = {"record"}
    for _ in range(3):
        for function in functions:
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                first = call.args[0] if call.args else None
                if name_of(call) in recorders and getattr(first, "id", "") == "verb":
                    recorders.add(function.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node) in recorders and node.args:
            found = verb_of(node.args[0])
            if found and VERB.fullmatch(found):
                yield found
        if isinstance(node, ast.Constant | ast.JoinedStr):
            text = verb_of(node) or ""
            if "INSERT INTO labeling_auditevent" in text:
                yield from re.findall(r"'([a-z_]+\.[a-z_]+)'", text)


def recorded() -> set[str]:
    return {verb for path in SOURCES for verb in verbs_in(ast.parse(path.read_text()))}


def test_verbs_are_found_wherever_they_are_written():
    found = recorded()
    assert len(found) > 80
    # Given as such, through another function, in a sweep, in SQL, and put together.
    for verb in ("round.closed", "generation.paused", "invitation.forgotten", "assignment.skipped"):
        assert verb in found
    assert {"judgment.submitted", "case.x", "review.x"} <= found


def test_every_verb_is_of_one_kind_and_every_kind_has_verbs():
    found = recorded()
    kinds = {
        verb: [kind for kind, (_, begins) in KINDS.items() if verb.startswith(begins)]
        for verb in found
    }
    assert {verb: of for verb, of in kinds.items() if len(of) != 1} == {}
    begins = [one for _, all_of_kind in KINDS.values() for one in all_of_kind]
    assert [one for one in begins if not any(verb.startswith(one) for verb in found)] == []
