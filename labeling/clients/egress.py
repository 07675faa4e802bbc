"""Which addresses the server may connect to, decided on the address that is really dialled.

A name is resolved once, its addresses are checked, and one that passed is dialled itself, so a
name that changes its mind between the check and the connection gains nothing.
"""

import ipaddress
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from ssl import SSLContext, create_default_context
from typing import Any
from urllib.parse import urlsplit

import httpcore

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Addresses here are translated by a gateway to the IPv4 address in their last four bytes.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_deadline: ContextVar["Deadline | None"] = ContextVar("deadline", default=None)


class AddressRefusedError(Exception):
    """The address is not one this server may connect to."""


@dataclass(frozen=True)
class EgressPolicy:
    """Public addresses by https, and what the operator opened by name or network."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "EgressPolicy":
        """The policy of `EGRESS_ALLOW`: host names, host:port, addresses and networks."""
        hosts: set[str] = set()
        networks: list[Network] = []
        for entry in filter(None, (entry.strip().lower() for entry in entries)):
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError:
                if "/" in entry:
                    raise ValueError(
                        f'EGRESS_ALLOW: "{entry}" is no host and no network.'
                    ) from None
                hosts.add(entry)
        return cls(frozenset(hosts), tuple(networks))

    def allows_host(self, host: str, port: int) -> bool:
        """The operator opened this host, whatever its address."""
        name = host.lower().rstrip(".")
        return name in self.hosts or f"{name}:{port}" in self.hosts

    def allows_address(self, address: Address) -> bool:
        """A public unicast address, or one in a network the operator opened."""
        dialled = _dialled(address)
        if any(dialled in network for network in self.networks):
            return True
        return all(_is_public(one) for one in (dialled, *_tunnelled(dialled)))

    def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be dialled; refuses when there are none."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise _not_open(host) from None
        texts = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
        if self.allows_host(host, port):
            return texts
        allowed = [text for text in texts if self.allows_address(ipaddress.ip_address(text))]
        if not allowed:
            # The same words for unknown, private, open and closed: nothing to scan with.
            raise _not_open(host)
        return allowed

    def check_url(self, url: str) -> None:
        """Refuse a base URL at the time it is entered; dialling checks again."""
        self.check_form(url)
        parts = urlsplit(url)
        self.resolve(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))

    def check_form(self, url: str) -> None:
        """Refuse a URL by its form alone, without asking the network."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise AddressRefusedError("This is no URL.") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AddressRefusedError("A base URL begins with https:// and a host.")
        if any(not c.isprintable() or c in " \\" for c in url):
            raise AddressRefusedError("A URL has no spaces, control characters or backslashes.")
        if parts.username is not None or parts.password is not None or "@" in parts.netloc:
            raise AddressRefusedError("A base URL has no user or password in it.")
        if parts.query or parts.fragment:
            raise AddressRefusedError("A base URL has no query and no fragment.")
        if parts.scheme == "http" and not self._is_opened(parts.hostname, port or 80):
            raise AddressRefusedError("Only https: a key must not travel in clear.")

    def _is_opened(self, host: str, port: int) -> bool:
        if self.allows_host(host, port):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.networks)


def _not_open(host: str) -> AddressRefusedError:
    return AddressRefusedError(f"{host} is unknown or not open to this server.")


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _dialled(address: Address) -> Address:
    """The IPv4 address an IPv6 one is another spelling of, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _tunnelled(address: Address) -> list[Address]:
    """The IPv4 addresses a packet to a tunnel's IPv6 address may end up at."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    return [one for one in (address.sixtofour, *(address.teredo or ())) if one is not None]


class Deadline:
    """When a call ends at the latest, and until when its answer has to have begun."""

    def __init__(self, *, seconds: float, first_seconds: float | None = None) -> None:
        now = time.monotonic()
        self.end = now + seconds
        self._first_end = None if first_seconds is None else now + first_seconds

    def begin_answer(self) -> None:
        """The answer has begun; from now on only the whole is limited."""
        self._first_end = None

    def shorten(self, seconds: float) -> None:
        """End by then, if not sooner."""
        self.end = min(self.end, time.monotonic() + seconds)

    @property
    def waits_for_first(self) -> bool:
        """Nothing has come that counts, and it should have."""
        return self._first_end is not None and time.monotonic() >= self._first_end

    def remaining(self, timeout: float | None = None) -> float:
        """The time one operation may take: its own limit, or what is left."""
        end = self.end if self._first_end is None else min(self.end, self._first_end)
        left = end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("The time for the call is over.")
        return left if timeout is None else min(timeout, left)


@contextmanager
def deadline(seconds: float, *, first_seconds: float | None = None) -> Iterator[Deadline]:
    """Every read and write of a guarded connection in this block ends by then, all in all."""
    ours = Deadline(seconds=seconds, first_seconds=first_seconds)
    token = _deadline.set(ours)
    try:
        yield ours
    finally:
        _deadline.reset(token)


def _remaining(timeout: float | None) -> float | None:
    current = _deadline.get()
    return timeout if current is None else current.remaining(timeout)


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose operations share one deadline: a byte a second does not keep it open."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _remaining(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _remaining(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(
            self._stream.start_tls(ssl_context, server_hostname, _remaining(timeout))
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _GuardedBackend(httpcore.NetworkBackend):
    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("No address answered.")
        for address in self._policy.resolve(host, port):
            try:
                return _DeadlineStream(
                    self._backend.connect_tcp(
                        address, port, _remaining(timeout), local_address, socket_options
                    )
                )
            # A host may have an address that nobody routes beside one that answers.
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise AddressRefusedError("Local sockets are not open to this server.")


class Connections:
    """Connections to what a policy allows, through no proxy, each kept for the next call.

    As many as calls are under way at once; how many those are is the caller's affair. Each stands
    in a pool of its own: one pool of hundreds looks through all of them twice a call, under one
    lock, and threads come to a standstill there.
    """

    def __init__(self, policy: EgressPolicy, *, ssl_context: SSLContext | None = None) -> None:
        self._backend = _GuardedBackend(policy)
        self._ssl_context = ssl_context or create_default_context()
        # The one that was used last is taken first, so that those too many grow cold.
        self._free: deque[httpcore.ConnectionPool] = deque()
        self._is_closed = False

    @contextmanager
    def one(self) -> Iterator[httpcore.ConnectionPool]:
        """A connection for one call at a time."""
        try:
            taken = self._free.pop()
        except IndexError:
            taken = httpcore.ConnectionPool(
                ssl_context=self._ssl_context,
                max_connections=1,
                keepalive_expiry=30.0,
                network_backend=self._backend,
            )
        try:
            yield taken
        finally:
            self._free.append(taken)
            if self._is_closed:
                self.close()

    def close(self) -> None:
        """Close those that are free, and each other one when its call is over."""
        self._is_closed = True
        while self._free:
            with suppress(IndexError):
                self._free.pop().close()
