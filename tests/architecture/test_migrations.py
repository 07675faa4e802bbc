"""Migrations form one line, and none of them breaks when our code moves on."""

from collections import Counter
from importlib import import_module

import pytest
from django.db import connection, migrations
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


@pytest.mark.django_db(transaction=True)
def test_an_index_whose_building_failed_is_built_when_migrations_run_again():
    loader = MigrationLoader(connection)
    made = loader.get_migration("labeling", "0011_completion_style_index")
    before = loader.project_state(("labeling", "0010_tallies"))
    try:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX completion_style")
            # What a failure leaves: an index of the name that is no use.
            cursor.execute("CREATE INDEX completion_style ON labeling_completion (id)")
    finally:
        with connection.schema_editor(atomic=False) as editor:
            made.apply(before, editor)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'completion_style'")
        ((definition,),) = cursor.fetchall()
    assert "list_count" in definition


@pytest.mark.django_db
def test_the_triggers_of_counting_do_not_wait_long_for_their_tables():
    made = import_module("labeling.migrations.0010_tallies").Migration("0010_tallies", "labeling")
    first = made.operations[0]
    assert made.atomic
    assert isinstance(first, migrations.RunSQL)
    with connection.cursor() as cursor:
        cursor.execute(first.sql)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchall() == [("10s",)]
