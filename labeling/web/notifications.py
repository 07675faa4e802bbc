"""`/notifications/`: what one was told; where it leads; how one likes to be told."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling.actions.notifications import choose_notifications, read_notifications, stop_mail
from labeling.errors import NotFoundError
from labeling.mails import user_of_mail_off, words_of
from labeling.models import Notification
from labeling.queries.notifications import (
    Wish,
    notification_of,
    notifications_of,
    wishes_of,
)
from labeling.web.signed_in import PageRequest, signed_in

CHANNELS = (
    ("off", _("Not at all")),
    ("app", _("Here")),
    ("digest", _("Here, and in a daily mail")),
    ("mail", _("Here, and by mail at once")),
)
# Where a kind leads: an address and which details are its parameters, the campaign's slug first.
PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "round.finished": ("campaign_rounds", ()),
    "agreement.fell": ("campaign", ()),
    "endpoint.failing": ("campaign_generation", ()),
    "generation.budget": ("campaign_generation", ()),
    "routing.fell_short": ("campaign_judges", ()),
    "routing.outdated": ("campaign_judges", ()),
    "appeal.waiting": ("campaign_raters", ()),
    "appeal.decided": ("rate_answers", ()),
    "comparison.decided": ("rate_answers", ()),
    "case.opened": ("campaign_case", ("rater_id",)),
    "case.reply": ("campaign_case", ("rater_id",)),
    "exclusion.waiting": ("campaign_case", ("rater_id",)),
    "gold.suspect": ("campaign_gold", ()),
}


class WishesForm(forms.Form):
    """A channel for each kind."""

    def __init__(self, *args: Any, wishes: list[Wish], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for wish in wishes:
            self.fields[wish.kind] = forms.ChoiceField(
                choices=CHANNELS, label=gettext(wish.about.title), initial=wish.channel
            )


@signed_in
@require_safe
def notifications(request: PageRequest) -> HttpResponse:
    """What the reader was told, newest first."""
    told = notifications_of(request.user)
    context = {
        "told": [(one, words_of(one)) for one in told],
        "unread": sum(one.read_at is None for one in told),
    }
    return render(request, "labeling/notifications.html", context)


@signed_in
@require_POST
def read_all(request: PageRequest) -> HttpResponse:
    """Mark everything as read."""
    read_notifications(user=request.user)
    return redirect("notifications")


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def follow(request: PageRequest, notification_id: UUID) -> HttpResponse:
    """Go where a notification leads; it is read by that."""
    told = notification_of(request.user, notification_id)
    if told is None:
        raise NotFoundError("There is no such notification of yours.")
    if request.method != "HEAD":
        read_notifications(user=request.user, only=told)
    return redirect(place_of(told))


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: PageRequest) -> HttpResponse:
    """How each kind reaches the reader."""
    form = WishesForm(request.POST or None, wishes=wishes_of(request.user))
    if request.method == "POST" and form.is_valid():
        choose_notifications(user=request.user, wanted=form.cleaned_data)
        messages.success(request, gettext("Kept."))
        return redirect("notification_settings")
    context = {"form": form, "address": request.user.email}
    status = 422 if form.errors else 200
    return render(request, "labeling/notification_settings.html", context, status=status)


# A mail program that unsubscribes by one click (RFC 8058) has no cookie: the signature is proof.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def mail_off(request: HttpRequest, given: str) -> HttpResponse:
    """From the foot of a mail: no more of them. The link says for whom; a button asks first."""
    if (user := user_of_mail_off(given)) is None:
        raise NotFoundError(
            "This link is not whole. Sign in and choose under Account › Notifications."
        )
    is_done = request.method == "POST"
    if is_done:
        stop_mail(user=user)
    return render(request, "labeling/mail_off.html", {"is_done": is_done, "given": given})


def place_of(told: Notification) -> str:
    """The path that a notification leads to."""
    name, parameters = PLACES.get(told.kind, ("", ()))
    if told.campaign is None:
        return reverse("notifications")
    if told.kind == "case.entry":
        # A rater's page, which names no campaign.
        case_id = told.details.get("case_id")
        return reverse("rate_case", args=[case_id]) if case_id else reverse("rate_home")
    values = [told.details.get(parameter) for parameter in parameters]
    try:
        return reverse(name or "home", args=[told.campaign.slug, *values] if name else [])
    except NoReverseMatch:
        return reverse("home")
