"""Migrations form one line, and none of them breaks when our code moves on."""

from collections import Counter

from django.db.migrations.loader import MigrationLoader

from tests.architecture.source import PACKAGES, ROOT, imported_names, modules

FOLDER = ROOT / "labeling" / "migrations"


def test_migrations_are_linear():
    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    assert len(graph.leaf_nodes("labeling")) == 1
    parents = Counter(
        parent
        for key, node in graph.node_map.items()
        if key[0] == "labeling"
        for parent in (p.key for p in node.parents)
        if parent[0] == "labeling"
    )
    assert all(children == 1 for children in parents.values())
    numbers = sorted(int(path.name[:4]) for path in FOLDER.glob("[0-9]*.py"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_migrations_import_none_of_our_code():
    found = [
        f"{path} imports {name}"
        for path, tree in modules("labeling/migrations")
        for name in imported_names(tree)
        if name.split(".")[0] in PACKAGES
    ]
    assert not found
