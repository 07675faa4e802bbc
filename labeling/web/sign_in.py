"""Signing in: `/login/` with its limits, and what django-allauth asks of the product."""

import time
from http import HTTPStatus
from typing import Any, ClassVar, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm, ResetPasswordForm
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.views import (
    EmailView,
    LoginView,
    PasswordResetFromKeyView,
    PasswordResetView,
)
from allauth.core.internal.httpkit import get_client_ip
from allauth.decorators import rate_limit
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext

from labeling.actions.accounts import forget_unconfirmed_address, note_password_reset
from labeling.clients.keys import open_key, seal_key
from labeling.models import User
from labeling.queries.sign_in import is_waiting_address, owns_address
from labeling.web import mail
from labeling.web.security import CONTENT_POLICY

# As long as a limit may still hold; see ACCOUNT_RATE_LIMITS.
RETRY_SECONDS = 300
# Who signed in, or confirmed it, so lately is not asked again before a token is made.
FRESH_SECONDS = 900
# Behind a socket there is no address: then all come from one.
NO_ADDRESS = "0.0.0.0"  # noqa: S104
# What a sealed secret is sealed for, in place of a provider's host.
_SEALED_FOR = "two-step sign-in"


class SignInForm(LoginForm):  # type: ignore[misc]
    """A name or mail address, and a password; the name's field is called `username`."""

    _names: ClassVar[dict[str, str]] = {"login": "username"}

    def add_prefix(self, field_name: str) -> str:
        """What the field is called in the form that is sent."""
        return str(super().add_prefix(self._names.get(field_name, field_name)))


class SignIn(LoginView):  # type: ignore[misc]
    """Sign in by password, or begin a single sign-on."""

    form_class = SignInForm
    template_name = "registration/login.html"

    def form_invalid(self, form: SignInForm) -> HttpResponse:
        """The form again; 429 where there were too many attempts, by whatever name."""
        is_limited = any(
            error.code == "too_many_login_attempts" for error in form.non_field_errors().as_data()
        )
        response = self.render_to_response(self.get_context_data(form=form, is_limited=is_limited))
        if is_limited:
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response["Retry-After"] = str(RETRY_SECONDS)
        return response

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """The page, from which a form may lead to the sign-on's own server."""
        context["sends_mail"] = settings.SENDS_MAIL
        response: HttpResponse = allow_sign_on(super().render_to_response(context, **kwargs))
        return response


def allow_sign_on(response: Any) -> Any:
    """The response of a page from which a form may be sent on to the single sign-on's server."""
    if settings.OIDC_ORIGINS:
        wider = f"form-action 'self' {' '.join(settings.OIDC_ORIGINS)}"
        response["Content-Security-Policy"] = CONTENT_POLICY.replace("form-action 'self'", wider)
    return response


@method_decorator(rate_limit(action="manage_email"), name="dispatch")
class ChangeAddress(EmailView):  # type: ignore[misc]
    """Another mail address for one's account; the present one stays until it is confirmed."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for another address, send its link again, or cancel; no address is made to count."""
        if "action_add" not in request.POST and (
            not {"action_send", "action_remove"} & set(request.POST)
            or not is_waiting_address(cast(User, request.user), request.POST.get("email", ""))
        ):
            return redirect("account_email")
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Without the note of the present address, which would be given up for a new one."""
        forget_unconfirmed_address(user=cast(User, request.user))
        self._did_send_verification_email = False
        response: HttpResponse = super(EmailView, self).dispatch(request, *args, **kwargs)
        return response


class ResetForm(ResetPasswordForm):  # type: ignore[misc]
    """Whose password is forgotten, by an address that is theirs, not one they only asked for."""

    users: list[User]

    def clean_email(self) -> str:
        """The address; a link goes to the accounts that have it."""
        email = str(super().clean_email())
        self.users = [user for user in self.users if owns_address(user, email)]
        return email


class AskReset(PasswordResetView):  # type: ignore[misc]
    """Have a link mailed with which one chooses a password anew."""

    form_class = ResetForm


class Reset(PasswordResetFromKeyView):  # type: ignore[misc]
    """Choose a password anew: what was made with the old one ends."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Sessions end with the password, tokens by this."""
        note_password_reset(person=self.reset_user)
        response: HttpResponse = super().form_valid(form)
        return response


def ask_who_it_is(request: HttpRequest) -> None:
    """Go on where the user signed in or confirmed it just now; else ask for that first."""
    records = get_authentication_records(request, request.user)
    newest = max((float(record["at"]) for record in records), default=0.0)
    if time.time() - newest >= FRESH_SECONDS:
        raise_if_reauthentication_required(request, app="allauth.account")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up by themselves; mail is sent as the rest of the product sends it."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People come in by invitation alone."""
        return False

    def is_ajax(self, request: HttpRequest) -> bool:
        """Pages answer with pages, whatever a header says."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that limits are counted by; a proxy's word counts behind a proxy alone."""
        return get_client_ip(request) or NO_ADDRESS

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send it; a mail server that is away is logged, and no page fails."""
        found = {"request": self.request, "email": email, **context}
        mail.send_mail([self.render_mail(template_prefix, email, found)])

    def format_email_subject(self, subject: str) -> str:
        """Without the site's name, which the product's mails do not lead with."""
        return str(subject)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Back to the door, with the reason."""
        messages.error(request, gettext("This account is closed. Ask whoever manages it."))
        return redirect("login")


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of two-step sign-in are stored sealed."""

    def encrypt(self, text: str) -> str:
        """The secret as it may be stored."""
        keys = settings.FIELD_ENCRYPTION_KEYS
        return seal_key(text, host=_SEALED_FOR, with_keys=keys).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The secret."""
        keys = settings.FIELD_ENCRYPTION_KEYS
        return open_key(encrypted_text.encode(), host=_SEALED_FOR, with_keys=keys)


def too_many(request: HttpRequest) -> HttpResponse:
    """What a page says that was asked for too often."""
    response = render(request, "429.html", status=HTTPStatus.TOO_MANY_REQUESTS)
    response["Retry-After"] = "60"
    return response
