"""`/endpoints/`: the LLM endpoints of an organisation, how they fare, what a test of one says."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from labeling import access
from labeling.actions.endpoints import (
    KEY_REFUSED,
    register_endpoint,
    remove_endpoint,
    test_endpoint,
    update_endpoint,
)
from labeling.charts.axes import short_count
from labeling.charts.markup import Svg
from labeling.charts.shares import share_bars
from labeling.clients.endpoint_settings import call_limits
from labeling.errors import LabelingError, NotFoundError
from labeling.models import Endpoint, Organisation, OrganisationMember
from labeling.queries import endpoints as figures
from labeling.web.campaigns import uuid_of
from labeling.web.endpoint_forms import EndpointForm
from labeling.web.signed_in import PageRequest, signed_in


@dataclass(frozen=True)
class Health:
    """How an endpoint is, in a word or two, with the hue and icon that say the same."""

    words: str
    hue: str = ""
    icon: str = ""


@dataclass(frozen=True)
class Line:
    """An endpoint's row in the table."""

    endpoint: Endpoint
    health: Health
    address: str
    day: figures.LastDay
    bars: Svg
    day_words: str
    limits: list[str]
    price: str
    said: str


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def endpoints(request: PageRequest) -> HttpResponse:
    """The endpoints of an organisation that the user governs, and a form that adds one."""
    of = access.organisation_for_governor(request.user, _of(request))
    if request.method != "POST":
        if request.htmx:
            at = uuid_of(request.GET.get("at", ""))
            chosen = of.endpoints.filter(public_id=at).first() if at else None
            return render(request, "labeling/endpoints.html#rows", _page(request, of, None, chosen))
        return render(request, "labeling/endpoints.html", _page(request, of, EndpointForm()))
    form = EndpointForm(request.POST)
    if form.is_valid():
        try:
            made = register_endpoint(organisation=of, by=request.user, **form.arguments())
        except LabelingError as error:
            form.refuse(error)
        else:
            messages.success(request, f"{made.name} is registered.")
            return _saved(request, made)
    return render(request, "labeling/endpoints.html", _page(request, of, form), status=422)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint(request: PageRequest, endpoint_id: UUID) -> HttpResponse:
    """One endpoint's settings, and what its last test said."""
    shown = _one(request, endpoint_id)
    of = shown.organisation
    if request.method != "POST" or shown.is_demo:
        page = _page(request, of, EndpointForm.of(shown), shown)
        return render(request, "labeling/endpoints.html", page)
    form = EndpointForm(request.POST, endpoint=shown)
    if form.is_valid():
        had_key = shown.encrypted_key is not None
        try:
            changed = update_endpoint(endpoint=shown, by=request.user, **form.arguments())
        except LabelingError as error:
            form.refuse(error)
        else:
            messages.success(request, f"{changed.name} is saved.")
            is_kept = changed.encrypted_key is not None or form.cleaned_data["drop_key"]
            if had_key and not is_kept:
                messages.warning(
                    request,
                    f"The key was entered for {shown.key_host} and has been dropped. Enter the key "
                    "for the new host.",
                )
            return _saved(request, changed)
    shown.refresh_from_db()
    return render(request, "labeling/endpoints.html", _page(request, of, form, shown), status=422)


@signed_in
@require_POST
def test(request: PageRequest, endpoint_id: UUID) -> HttpResponse:
    """Ask the endpoint one short question; the answer says what is wrong, if anything is."""
    asked = _one(request, endpoint_id)
    refused = _tested(request, asked)
    if request.htmx:
        context = _page(request, asked.organisation, None, asked)
        context |= {"is_test": True, "refused": refused}
        return render(request, "labeling/endpoints.html#test", context)
    if refused:
        messages.warning(request, refused)
    return redirect(f"{reverse('endpoint', args=[asked.public_id])}#test")


@signed_in
@require_POST
def use(request: PageRequest, endpoint_id: UUID) -> HttpResponse:
    """Take the endpoint out of use, or use it again."""
    asked = _one(request, endpoint_id)
    is_enabled = request.POST.get("use") == "1"
    update_endpoint(endpoint=asked, by=request.user, is_enabled=is_enabled)
    now = "in use again" if is_enabled else "out of use: runs ask it nothing more"
    messages.success(request, f"{asked.name} is {now}.")
    return redirect("endpoint", asked.public_id)


@signed_in
@require_POST
def remove(request: PageRequest, endpoint_id: UUID) -> HttpResponse:
    """Forget an endpoint that no run has used."""
    asked = _one(request, endpoint_id)
    try:
        remove_endpoint(endpoint=asked, by=request.user)
    except LabelingError as error:
        messages.error(request, error.message)
        return redirect("endpoint", asked.public_id)
    messages.success(request, f"{asked.name} is gone.")
    return redirect(_address(asked.organisation))


def _of(request: PageRequest) -> str:
    return request.GET.get("of", "")[:50]


def _address(of: Organisation) -> str:
    return f"{reverse('endpoints')}?of={of.slug}"


def _one(request: PageRequest, endpoint_id: UUID) -> Endpoint:
    found = access.endpoints_for_manager(request.user).filter(public_id=endpoint_id).first()
    if found is None:
        raise NotFoundError("There is no such endpoint, or you do not manage it.")
    return found


def _tested(request: PageRequest, asked: Endpoint) -> str:
    """Why it was not asked; nothing where it was."""
    try:
        test_endpoint(endpoint=asked, by=request.user)
    except LabelingError as error:
        return error.message
    return ""


def _saved(request: PageRequest, saved: Endpoint) -> HttpResponse:
    place = reverse("endpoint", args=[saved.public_id])
    if request.POST.get("test"):
        if refused := _tested(request, saved):
            messages.warning(request, refused)
        return redirect(f"{place}#test")
    return redirect(place)


def _page(
    request: PageRequest,
    of: Organisation,
    form: EndpointForm | None,
    chosen: Endpoint | None = None,
) -> dict[str, Any]:
    governed = OrganisationMember.objects.filter(user=request.user, role__in=access.MANAGERS)
    days = figures.last_day(of)
    lines = [
        line_of(one, days.get(one.pk) or figures.LastDay()) for one in figures.of_organisation(of)
    ]
    return {
        "organisation": of,
        "governed": [place.organisation for place in governed.select_related("organisation")],
        "lines": lines,
        "form": form,
        "chosen": chosen,
        "line": next((one for one in lines if chosen and one.endpoint.pk == chosen.pk), None),
        "used_in": figures.campaigns_of(chosen) if chosen and form else [],
    }


def line_of(one: Endpoint, day: figures.LastDay) -> Line:
    """What the table says of an endpoint."""
    success = day.success
    return Line(
        endpoint=one,
        health=_health(one),
        address=_shown(one.base_url),
        day=day,
        bars=share_bars(day.shares),
        day_words=(
            "No calls in the last day"
            if success is None
            else f"{success * 100:.0f} % of {day.call_count:,} calls in the last day succeeded"
        ),
        limits=_limits(one),
        price=_price(one),
        said=_said(one, day),
    )


def _health(one: Endpoint) -> Health:
    result = one.test_result or {}
    if one.disabled_reason == KEY_REFUSED:
        return Health("Key refused", "bad", "warning")
    if one.disabled_reason:
        return Health("Out of use")
    if one.rests_until and one.rests_until > timezone.now():
        return Health("Waiting", "warn", "clock")
    if one.is_demo:
        return Health("Built in")
    if not one.tested_at or "words" not in result:
        return Health("Untested")
    if not result.get("ok"):
        return Health(WRONG.get(str(result.get("kind")), "Failed"), "bad", "warning")
    if result.get("kind") == "slow":
        return Health("Slow", "warn", "clock")
    return Health("In time", "ok", "check")


WRONG = {
    "unauthorised": "Key refused",
    "rate_limited": "Asked to wait",
    "address_refused": "Not allowed",
    "unreachable": "No answer",
    "timed_out": "No answer",
    "empty": "Empty",
    "no_such_model": "No such model",
}


def _shown(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.netloc}{parts.path}".rstrip("/")


def _limits(one: Endpoint) -> list[str]:
    limits = call_limits(one.limits)
    said = [f"{limits.concurrency:,} at once"]
    if limits.requests_per_minute:
        said.append(f"{limits.requests_per_minute:,} a minute")
    if limits.tokens_per_minute:
        said.append(f"{short_count(limits.tokens_per_minute)} tokens a minute")
    return said


def _price(one: Endpoint) -> str:
    given = [one.price.get(f"{way}_per_million") for way in ("input", "output")]
    if given == [None, None]:
        return ""
    return " / ".join("–" if amount is None else f"{amount:,.2f}" for amount in given)


def _said(one: Endpoint, day: figures.LastDay) -> str:
    """What is to be known of it: why it is out of use, or what went wrong last."""
    if one.disabled_reason:
        return one.disabled_reason
    failure = day.failure
    if failure and not (one.tested_at and one.tested_at > failure.at):
        return f"{failure.at:%H:%M} UTC: {failure.message or failure.kind}"
    return str((one.test_result or {}).get("words", ""))
