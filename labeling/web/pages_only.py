"""Middleware that the API passes by: it has tokens, not cookies, and answers in one language."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware import csrf, gzip, locale
from django.utils import translation
from django_htmx import middleware as htmx

API = "/api/v1/"
# Managers' pages speak English alone: frame, texts and figures of one page belong together.
IN_ENGLISH = ("/campaigns/", "/organisation/", "/invitations/")


class PagesOnly:
    """Lets a request of the API through untouched, and leaves every other to the next class."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class GZipMiddleware(PagesOnly, gzip.GZipMiddleware):
    """Pages are compressed; what is downloaded keeps its length and its ranges.

    Its bytes tell nothing by their number: tokens are masked anew for each page, and Django adds a
    name of random length.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        is_page = response.get("Content-Type", "").startswith("text/html")
        return super().process_response(request, response) if is_page else response


class SessionMiddleware(PagesOnly, sessions.SessionMiddleware):
    """Sessions of pages."""


class LocaleMiddleware(PagesOnly, locale.LocaleMiddleware):
    """The language of pages: what the signed-in user chose, else what the browser asks for."""

    def __call__(self, request: HttpRequest) -> Any:
        try:
            return super().__call__(request)
        finally:
            # The thread answers the API next, or another person.
            translation.deactivate()

    def process_request(self, request: HttpRequest) -> None:
        if request.path_info.startswith(IN_ENGLISH):
            language = settings.LANGUAGE_CODE
        else:
            language = _chosen(request) or translation.get_language_from_request(request)
        translation.activate(language)
        request.LANGUAGE_CODE = translation.get_language()


def _chosen(request: HttpRequest) -> str:
    # Without a session there is nobody to ask, and a probe of the server's health costs no query.
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return ""
    try:
        language: str = getattr(request.user, "language", "")
    except DatabaseError:
        # The view will find out and say so, in whatever language.
        return ""
    return language if language in dict(settings.LANGUAGES) else ""


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
