"""From where a request comes: noted once, so that the audit can say it."""

from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from labeling import audit
from labeling.web.pages_only import API


def client_address(request: HttpRequest) -> str | None:
    """The address that the client connected from; None if there is none, as over a socket.

    Behind a proxy it is the one the proxy added last to X-Forwarded-For: everything before that
    is what the client says of itself.
    """
    found = str(request.META.get("REMOTE_ADDR", ""))
    if settings.BEHIND_PROXY:
        found = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or found
    try:
        return str(ip_address(found))
    except ValueError:
        return None


class OriginMiddleware:
    """Tells the audit the door and the address of the request that is being answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        via = "api" if request.path_info.startswith(API) else "web"
        audit.coming_from(via, client_address(request))
        return self.get_response(request)
