"""Migrations of a house with much in it: they give up rather than hold others, and run again."""

from importlib import import_module

import pytest
from django.db import connection, migrations
from django.db.migrations.loader import MigrationLoader


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
