"""Middleware that the API passes by: it has tokens, not cookies, and answers in one language."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.middleware import csrf, locale
from django_htmx import middleware as htmx

API = "/api/v1/"


class PagesOnly:
    """Lets a request of the API through untouched, and leaves every other to the next class."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class SessionMiddleware(PagesOnly, sessions.SessionMiddleware):
    """Sessions of pages."""


class LocaleMiddleware(PagesOnly, locale.LocaleMiddleware):
    """The language of pages."""


class CsrfViewMiddleware(PagesOnly, csrf.CsrfViewMiddleware):
    """Forged posts to pages are refused; the API takes no cookie that could be borrowed."""

    def process_view(self, request: HttpRequest, *rest: Any) -> Any:
        return None if request.path_info.startswith(API) else super().process_view(request, *rest)


class AuthenticationMiddleware(PagesOnly, auth.AuthenticationMiddleware):
    """`request.user` from the session."""


class MessageMiddleware(PagesOnly, messages.MessageMiddleware):
    """Messages to the next page."""


class HtmxMiddleware(PagesOnly, htmx.HtmxMiddleware):
    """`request.htmx`."""
