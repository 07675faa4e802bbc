"""A database connection that outlives a request: seen to be gone before it is used again."""

import threading
import time

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kept():
    wrapper = connection.copy()
    wrapper.ensure_connection()
    yield wrapper
    wrapper.close()


def pid_of(wrapper: BaseDatabaseWrapper) -> int:
    return int(wrapper.connection.info.backend_pid)


def last_asked(wrapper: BaseDatabaseWrapper) -> str:
    """When the server last began a statement for this connection."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT query_start::text FROM pg_stat_activity WHERE pid = %s",
            [pid_of(wrapper)],
        )
        return str(cursor.fetchone()[0])


def test_looking_at_a_connection_that_stands_asks_the_server_nothing(kept):
    with kept.cursor() as cursor:
        cursor.execute("SELECT 1")
    before = last_asked(kept)
    assert kept.is_usable()
    assert last_asked(kept) == before


def test_a_connection_that_the_server_ended_is_seen_to_be_gone(kept):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid_of(kept)])
    assert not kept.is_usable()


def test_what_the_server_said_unasked_does_not_end_a_connection(kept):
    with kept.cursor() as cursor:
        cursor.execute("LISTEN news")
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY news")
    time.sleep(0.1)
    assert kept.is_usable()


def test_a_request_after_the_database_came_back_is_answered(client):
    """One thread, its connection ended between two requests: the second knows nothing of it."""
    answers = []

    def ask() -> None:
        connection.settings_dict = {
            **connection.settings_dict,
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
        }
        answers.append(client.get("/healthz/ready").json())
        first = pid_of(connection)
        with connection.copy().cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        answers.append(client.get("/healthz/ready").json())
        answers.append(pid_of(connection) != first)
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert answers[0]["parts"]["database"] == answers[1]["parts"]["database"] == "ok"
    assert answers[2]
