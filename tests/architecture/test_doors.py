"""Views, viewsets, tasks and commands decide nothing: only actions write."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import imported_names, modules

DOORS = ("labeling/web", "labeling/management", "api", "workers")
WRITES = {
    "save",
    "asave",
    "delete",
    "adelete",
    "create",
    "acreate",
    "update_or_create",
    "get_or_create",
    "bulk_create",
    "bulk_update",
    "create_user",
    "create_superuser",
    "set_password",
}
RAW = {"cursor", "raw", "executemany", "copy", "copy_expert"}
# `.update()` is also a dict's: it is a write only where the chain before it is a queryset's.
QUERYSET = {"objects", "filter", "exclude", "all", "get_queryset", "select_for_update"}


def writes_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, owner = node.func.attr, node.func.value
        chain = {part.attr for part in ast.walk(owner) if isinstance(part, ast.Attribute)}
        on_queryset = bool(chain & QUERYSET)
        if (
            (name in WRITES and not _is_session(owner))
            or (name in {"update", "aupdate"} and (on_queryset or _has_keywords_only(node)))
            or (name in RAW and (on_queryset or "connection" in ast.unparse(owner)))
        ):
            yield node.lineno, f".{name}()"


def _is_session(owner: ast.expr) -> bool:
    return isinstance(owner, ast.Attribute) and owner.attr == "session"


def _has_keywords_only(call: ast.Call) -> bool:
    return not call.args and any(keyword.arg for keyword in call.keywords)


@pytest.mark.parametrize("folder", DOORS)
def test_a_door_writes_nothing_itself(folder):
    found = [
        f"{path}:{line} {what}" for path, tree in modules(folder) for line, what in writes_in(tree)
    ]
    assert not found, "Writes belong to labeling.actions:\n" + "\n".join(found)


@pytest.mark.parametrize("folder", DOORS)
def test_a_door_opens_no_transaction(folder):
    found = [
        path
        for path, tree in modules(folder)
        if any(name.startswith("django.db.transaction") for name in imported_names(tree))
    ]
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "rater.save(update_fields=['name'])",
        "Campaign.objects.create(name='x')",
        "Campaign.objects.filter(pk=1).update(name='x')",
        "self.get_queryset().delete()",
        "queue.update(rater=None)",
        "connection.cursor().execute('delete from x')",
        "connections['default'].cursor()",
        "Campaign.objects.raw('update x')",
        "serializer.save()",
    ],
)
def test_the_rule_sees_a_write(line):
    assert list(writes_in(ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["context.update({'a': 1})", "hash.update(b'x')", "create_campaign(name='x')"]
)
def test_the_rule_lets_other_calls_be(line):
    assert not list(writes_in(ast.parse(line)))
