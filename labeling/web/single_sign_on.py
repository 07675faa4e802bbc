"""Single sign-on by OpenID Connect: who comes in with it, and which servers are asked."""

from typing import Any
from urllib.parse import urlsplit

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from requests import RequestException, Response, Session

from labeling.actions.accounts import link_single_sign_on
from labeling.actions.invitations import join_by_address
from labeling.errors import LabelingError
from labeling.models import User

LONGEST_ANSWER = 1_000_000


class IssuerSession(Session):
    """Asks the issuer, and hosts that the operator names beside it, and nobody else."""

    def __init__(self) -> None:
        super().__init__()
        # Neither proxies nor passwords of the machine's own surroundings.
        self.trust_env = False

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> Response:
        """The answer. A redirect is not followed; another server is not asked."""
        parts = urlsplit(str(url))
        if f"{parts.scheme}://{parts.netloc}" not in settings.OIDC_ORIGINS:
            raise RequestException("The sign-on names a server that is not its own.")
        kwargs |= {"allow_redirects": False, "timeout": 5}
        response = super().request(method, url, *args, **kwargs)
        if len(response.content) > LONGEST_ANSWER:
            raise RequestException("The sign-on's answer is too long.")
        return response


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Lets in existing and invited people, by an address that the issuer has verified."""

    def get_requests_session(self) -> Session:
        """What calls to the issuer are made with."""
        return IssuerSession()

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Nobody makes themselves an account."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Find the account of a first sign-on by its address; make it if it is invited."""
        # An account is connected by its address, never by a wish in the request.
        sociallogin.state["process"] = "login"
        if sociallogin.is_existing:
            return
        verified = [one.email for one in sociallogin.email_addresses if one.verified is True]
        if not verified:
            refuse(request, gettext("The sign-on does not vouch for your mail address."))
        try:
            person = _person(verified[0], sociallogin.user)
        except LabelingError as error:
            refuse(request, error.message)
        if person is None:
            refuse(request, gettext("Nobody with your address is invited here. Ask for it."))
        sociallogin.connect(request, person)

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """None: the person has just done it."""


class CodeFlow(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """The code flow with the token's signature checked, and both answers about one person."""

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """The sign-on; refused where the token names nobody, or somebody else."""
        given = kwargs["response"].get("id_token")
        if not given:
            raise OAuth2Error("There is no id_token.")
        config = self.openid_config
        if config.get("issuer") != settings.OIDC_ISSUER:
            raise OAuth2Error("The configuration is another issuer's.")
        claims = jwtkit.verify_and_decode(
            credential=given,
            keys_url=config["jwks_uri"],
            issuer=config["issuer"],
            audience=app.client_id,
            lookup_kid=_key_of,
        )
        data = {"id_token": claims}
        if "userinfo_endpoint" in config:
            data["userinfo"] = self._fetch_user_info(token.token)
            if data["userinfo"].get("sub") != claims["sub"]:
                raise OAuth2Error("The token and the answer are about two people.")
        return self.get_provider().sociallogin_from_response(request, data)


def sign_on(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Lead to the issuer; only a form of ours begins that."""
    if request.method != "POST":
        return redirect("login")
    return _view(OAuth2LoginView, request, provider_id)


def sign_on_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Where the issuer leads back to."""
    return _view(OAuth2CallbackView, request, provider_id)


def refuse(request: HttpRequest, message: str) -> None:
    """Lead back to the door, with the reason."""
    messages.error(request, message)
    raise ImmediateHttpResponse(redirect("login"))


def _view(view: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    if not settings.OIDC_ISSUER:
        raise Http404
    try:
        return view.adapter_view(CodeFlow(request, provider_id))(request)  # type: ignore[no-any-return]
    except (RequestException, OAuth2Error, KeyError, ValueError):
        messages.error(request, gettext("The sign-on could not be reached. Try again."))
        return redirect("login")


def _key_of(keys: Any, kid: Any) -> Any:
    # A key of the issuer's that signs: never one that anybody could sign with.
    for key in keys["keys"]:
        if key.get("kid") == kid and key.get("kty") in {"RSA", "EC", "OKP"}:
            return jwtkit.lookup_kid_jwk({"keys": [key]}, kid)
    return None


def _person(email: str, said: Any) -> User | None:
    people = list(User.objects.filter(email__iexact=email)[:2])
    if len(people) > 1:
        return None
    if people:
        link_single_sign_on(person=people[0], email=email)
        return people[0]
    name = f"{said.first_name} {said.last_name}".strip()
    return join_by_address(email=email, username=said.username, name=name)
