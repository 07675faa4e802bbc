"""AZ-09: no list can be asked by what it does not offer, and no guess is answered differently."""

import re
from typing import Any
from urllib.parse import unquote_plus

import pytest
from django.urls import resolve

from labeling.models import Membership
from tests.access.lab import Lab, ask, clients
from tests.access.routes import PUBLIC, address, routes
from tests.access.test_walls import without_ids

pytestmark = pytest.mark.django_db(transaction=True)

# What is asked, with a guess that is true of the loud rater and one that is not.
GUESSES = (
    ("rater__user__password__startswith", "pbkdf2", "zq"),
    ("rater__user__username", "zq-canary-rater", "zq-nobody"),
    ("user__email__contains", "example", "zq-nowhere"),
    ("rater__user__username__regex", "^zq-canary", "^(a+)+$"),
    ("created_at__lt", "2999-01-01", "1999-01-01"),
    ("ordering", "rater__user__email", "-rater__user__email"),
    ("fields", "zq-rater", "zq-password"),
    ("expand", "rater.user", "zq"),
    ("search", "zq-canary-rater", "zq-nobody"),
    ("_connector", "OR", "AND"),
    ("pk__gte", "-7777777", "999999999"),
)


def is_list(path: str) -> bool:
    """Whether a GET there answers with a page of rows."""
    return getattr(resolve(path).func, "actions", {}).get("get") == "list"


def test_no_guess_is_answered(lab: Lab) -> None:
    manager = Membership.objects.get(campaign=lab.campaign, role="manager").user
    browser, script = clients(manager, "admin")
    lists = 0
    for name, parameters in routes():
        if name in PUBLIC | {"logout", "account_logout"}:
            continue
        path = address(name, parameters, lab.values)
        lists += is_list(path)
        # Where no list is asked, three stand for all.
        for key, right, wrong in GUESSES if is_list(path) else GUESSES[1:4]:
            # Pages tell how long ago a thing was: a second may pass between two of them.
            assert any(alike(browser, script, name, path, (key, right, wrong)) for _ in range(3)), (
                path,
                key,
            )
    assert lists >= 10


def alike(browser: Any, script: Any, name: str, path: str, guess: tuple[str, str, str]) -> bool:
    """Whether the true and the wrong guess are answered with the same bytes, by lists with 400."""
    key, right, wrong = guess
    true, false = (
        ask(browser, script, "GET", name, f"{path}?{key}={one}") for one in (right, wrong)
    )
    if is_list(path):
        assert true.status_code == false.status_code == 400, (path, key)
        assert key in true.content.decode(), (path, key)
    assert true.status_code == false.status_code, (path, key)
    return plain(true, right, wrong) == plain(false, right, wrong)


def plain(answer: Any, *guesses: str) -> str:
    """What was said, without either guess: an answer may repeat the address it was asked by."""
    text = unquote_plus(unquote_plus(without_ids(answer.said)))
    # Some answers say until when they hold.
    text = re.sub(r"\d\d:\d\d:\d\d", "TIME", text)
    for guess in sorted(guesses, key=len, reverse=True):
        text = text.replace(guess, "GUESS").replace(guess.replace("+", " "), "GUESS")
    return text
