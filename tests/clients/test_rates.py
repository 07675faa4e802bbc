"""Rates shared through a real Valkey: buckets, the window after a refusal, and Valkey away."""

import threading
import time
import uuid

import pytest
from django.conf import settings
from redis import Redis

from labeling.clients.rates import Allowance, Rates

CLOSED = "redis://127.0.0.1:1/0"


@pytest.fixture
def server():
    return Redis.from_url(settings.CACHES["default"]["LOCATION"])


@pytest.fixture
def name():
    return str(uuid.uuid4())


def test_no_minute_has_more_calls_than_allowed_whoever_asks(server, name):
    allowed = Allowance(256, requests_per_minute=600)
    granted = []

    def worker():
        rates = Rates(server)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            granted.append(rates.take(name, want=4, tokens_each=1, allowed=allowed).count)
            time.sleep(0.01)

    began = time.monotonic()
    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    # A bucket of 60 that fills at 541 a minute.
    assert 60 <= sum(granted) <= 60 + took * 541 / 60 + 1


def test_it_says_when_to_ask_again(server, name):
    rates, allowed = Rates(server), Allowance(4, requests_per_minute=60)
    first = rates.take(name, want=10, tokens_each=1, allowed=allowed)
    assert first.count == 6
    empty = rates.take(name, want=1, tokens_each=1, allowed=allowed)
    assert empty.count == 0
    assert 0.5 < empty.wait_seconds <= 60 / 55 + 0.01
    rates.give_back(name, count=1, tokens_each=1)
    assert rates.take(name, want=1, tokens_each=1, allowed=allowed).count == 1


def test_tokens_are_corrected_by_what_calls_took(server, name):
    rates, allowed = Rates(server), Allowance(100, tokens_per_minute=10_000)
    assert rates.take(name, want=100, tokens_each=100, allowed=allowed).count == 10
    rates.correct(name, tokens=-500)
    assert rates.take(name, want=100, tokens_each=100, allowed=allowed).count == 5
    rates.give_back(name, count=5, tokens_each=100)
    rates.correct(name, tokens=5_000)
    owed = rates.take(name, want=1, tokens_each=100, allowed=allowed)
    # Half a minute's worth is owed.
    assert owed.count == 0 and owed.wait_seconds > 25


def test_a_call_larger_than_the_bucket_goes_alone(server, name):
    rates, allowed = Rates(server), Allowance(100, tokens_per_minute=1000)
    assert rates.take(name, want=5, tokens_each=700, allowed=allowed).count == 1
    assert rates.take(name, want=5, tokens_each=700, allowed=allowed).count == 0


def test_a_burst_of_refusals_halves_the_window_once_and_it_grows_again_slowly(server, name):
    rates, allowed = Rates(server), Allowance(16)
    assert rates.take(name, want=1, tokens_each=1, allowed=allowed).window == 16
    cuts = [rates.slow(name, concurrency=16, rest_seconds=30) for _ in range(16)]
    assert cuts == [8] * 16
    assert rates.take(name, want=1, tokens_each=1, allowed=allowed).window == 8
    assert rates.ease(name, concurrency=16) == 8
    grown = [rates.ease(name, concurrency=16, after=0) for _ in range(8)]
    assert grown == [9, 10, 11, 12, 13, 14, 15, 16]
    assert rates.take(name, want=1, tokens_each=1, allowed=allowed).window == 16


def test_a_lost_valkey_means_one_call_at_a_time_with_pauses(name):
    rates = Rates(Redis.from_url(CLOSED, socket_connect_timeout=0.2))
    grant = rates.take(
        name, want=16, tokens_each=100, allowed=Allowance(16, 30, tokens_per_minute=6000)
    )
    assert (grant.count, grant.window, grant.spacing_seconds) == (1, 1, 2.0)
    # Without rates of its own, the database's limit of calls at once is all there was.
    assert rates.take(name, want=16, tokens_each=1, allowed=Allowance(16)).window == 16
    rates.give_back(name, count=1, tokens_each=1)
    rates.correct(name, tokens=5)
    assert rates.slow(name, concurrency=16, rest_seconds=1) == 1


def test_a_flushed_valkey_begins_anew(server, name):
    rates, allowed = Rates(server), Allowance(4, requests_per_minute=60)
    assert rates.take(name, want=10, tokens_each=1, allowed=allowed).count == 6
    server.flushdb()
    assert rates.take(name, want=10, tokens_each=1, allowed=allowed).count == 6
