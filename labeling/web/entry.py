"""`/enter/<code>/`: where the participants of a study come in, and what such a visitor may open."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import login
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from redis.exceptions import RedisError

from labeling.actions.entry import (
    Participant,
    checked_participant,
    enter,
    entry_link,
    refuse_new,
)
from labeling.errors import BusyError, InvalidInputError, LabelingError, NotAllowedError
from labeling.models import EntryLink, User
from labeling.web.entry_forms import PARAMETERS
from labeling.web.errors import Refusal
from labeling.web.origin import client_address

BACKEND = "labeling.web.sessions.Backend"
# Starts from one address in a minute; a class that takes part together is let in.
MOST_STARTS = 60
# What Mechanical Turk calls an assignment that nobody has accepted.
PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
# A browser session that began at an entry link says so, and opens these alone.
FLAG = "participant"
OPENED = {
    *("home", "enter", "logout", "image", "skip", "undo", "undo_one", "account", "preferences"),
    *("profile", "profile_demographics", "notifications", "notification", "notifications_read"),
}


@require_http_methods(["GET", "HEAD", "POST"])
def entry(request: HttpRequest, code: str) -> HttpResponse:
    """Say what the study is; a POST lets the participant in and leads to the bench.

    Looking makes nobody: the page of a preview, of a wrong address or of a study that is over says
    what it is, and has no button.
    """
    link = entry_link(code)
    participant = _participant(link, request)
    context: dict[str, Any] = {"link": link, "campaign": link.campaign, "fields": []}
    if request.GET.get("assignmentId") == PREVIEW:
        return render(request, "labeling/enter.html", context | {"is_preview": True})
    try:
        checked_participant(participant)
        if isinstance(request.user, User) and FLAG not in request.session:
            message = "You are signed in with an account of your own. Sign out first."
            raise NotAllowedError(message)
        if request.method == "POST":
            _slow_down(request)
            entered = enter(link=link, participant=participant, now=timezone.now())
            login(request, entered.user, backend=BACKEND)
            request.session[FLAG] = True
            return redirect("rate", link.campaign.slug)
        is_known = link.visits.filter(participant_id=participant.participant_id).exists()
        if not is_known:
            refuse_new(link, timezone.now())
    except LabelingError as error:
        context["refusal"] = Refusal.of(error)
        status = 400 if isinstance(error, InvalidInputError) else error.status
        response = render(request, "labeling/enter.html", context, status=status)
        if retry_after := getattr(error, "retry_after_seconds", None):
            response["Retry-After"] = str(retry_after)
        return response
    context["fields"] = [
        (name, request.GET.get(name, "")) for name in PARAMETERS[link.kind] if name in request.GET
    ]
    return render(request, "labeling/enter.html", context)


def _participant(link: EntryLink, request: HttpRequest) -> Participant:
    """The ids in the address, or in the form that the page made of them."""
    given = request.POST if request.method == "POST" else request.GET
    return Participant(*(given.get(name, "").strip() for name in PARAMETERS[link.kind]))


def _slow_down(request: HttpRequest) -> None:
    """Refuse an address that starts again and again; without the cache nobody is counted."""
    key = f"enter:{client_address(request)}"
    try:
        cache.add(key, 0, timeout=60)
        starts = cache.incr(key)
    except (RedisError, OSError, ValueError):
        return
    if starts > MOST_STARTS:
        raise BusyError("Many people are starting just now. Please try again in a minute.")


class ParticipantMiddleware:
    """Keeps a session that began at an entry link to the bench and what belongs to it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        session = getattr(request, "session", None)
        if session is None or not session.session_key or not session.get(FLAG):
            return None
        match = request.resolver_match
        name = (match.url_name if match else None) or ""
        if name in OPENED or name.startswith("rate"):
            return None
        return redirect("rate_home")
