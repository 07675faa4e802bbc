"""The server connects to what the policy allows, decided on the address it dials."""

import ipaddress
import socket
from dataclasses import replace
from typing import Any

import pytest

from labeling.clients.egress import AddressRefusedError, EgressPolicy
from labeling.clients.openai_compatible import OpenAICompatibleClient
from labeling.clients.protocol import (
    ClientLimits,
    CompletionRequest,
    ErrorKind,
    ProviderError,
)
from labeling.clients.registry import client_for
from tests import llm_server
from tests.clients.conftest import KINDS, TRUSTED

REQUEST = CompletionRequest(model="m", messages=[{"role": "user", "content": "Hi"}])
NOTHING_OPENED = EgressPolicy()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "169.254.169.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "localhost",
        "LOCALHOST.",
        "no-such-host.invalid",
    ],
)
def test_an_address_inside_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(AddressRefusedError, match="unknown or not open"):
        NOTHING_OPENED.check_url(f"https://{host}/v1")
    client = OpenAICompatibleClient(
        base_url=f"https://{host}/v1", policy=NOTHING_OPENED, ssl_context=TRUSTED
    )
    with pytest.raises(ProviderError) as caught:
        client.complete(REQUEST)
    assert caught.value.kind in (ErrorKind.ADDRESS_REFUSED, ErrorKind.UNREACHABLE)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert NOTHING_OPENED.allows_address(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://1.1.1.1/",
        "ftp://1.1.1.1/",
        "1.1.1.1/v1",
        "https://",
        "https://user@1.1.1.1/",
        "https://user:pw@1.1.1.1/",
        "https://1.1.1.1@127.0.0.1/",
        "https://1.1.1.1\\@127.0.0.1/",
        "https://1.1.1.1/v1?key=x",
        "https://1.1.1.1/v1#x",
        "https://1.1.1.1 /v1",
        "https://1.1.1.1:port/v1",
        "https://1.1.1.1:99999/v1",
        "https://[::1/v1",
        "http://1.1.1.1/v1",
    ],
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        NOTHING_OPENED.check_form(url)


def test_an_allow_list_opens_hosts_ports_and_networks_and_no_more() -> None:
    policy = EgressPolicy.parse([" LocalHost:11434 ", "10.1.0.0/16", "::1", ""])
    policy.check_form("http://localhost:11434/v1")
    policy.check_url("http://localhost:11434/v1")
    policy.check_url("http://10.1.2.3/v1")
    policy.check_url("http://[::1]:8000/v1")
    for url in ("http://localhost:11435/v1", "http://10.2.0.1/v1", "http://127.0.0.1:11434/v1"):
        with pytest.raises(AddressRefusedError):
            policy.check_url(url)
    with pytest.raises(ValueError, match="EGRESS_ALLOW"):
        EgressPolicy.parse(["10.0.0.0/99"])


def test_the_same_words_for_an_open_and_a_closed_port() -> None:
    with llm_server.running() as server:
        told = set()
        for url in (server.base_url.replace("http:", "https:"), "https://127.0.0.1:9/v1"):
            client = OpenAICompatibleClient(base_url=url, policy=NOTHING_OPENED)
            with pytest.raises(ProviderError) as caught:
                client.complete(REQUEST)
            told.add(str(caught.value))
        assert len(told) == 1
        assert server.calls == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_provider_is_dialled_by_the_same_rule(kind: str) -> None:
    with llm_server.running() as server:
        port = server.server_address[1]
        for address in ("127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "0x7f.1", "localhost"):
            for url in (f"https://{address}:{port}/v1", f"http://{address}:{port}/v1"):
                asking = client_for(
                    kind=kind,
                    base_url=url,
                    key="k",
                    limits=ClientLimits(),
                    policy=NOTHING_OPENED,
                    ssl_context=TRUSTED,
                )
                for ask in (lambda one: one.complete(REQUEST), lambda one: one.models()):
                    with pytest.raises(ProviderError) as caught:
                        ask(asking)
                    assert caught.value.kind == ErrorKind.ADDRESS_REFUSED
        assert server.calls == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_provider_leads_elsewhere(kind: str) -> None:
    with llm_server.running() as server, llm_server.running() as inside:
        policy = EgressPolicy.parse([server.host])
        asking = client_for(
            kind=kind,
            base_url=server.base_url,
            key="k",
            limits=ClientLimits(),
            policy=policy,
            ssl_context=TRUSTED,
        )
        for status in (301, 302, 303, 307, 308):
            server.answer = llm_server.raw(b"", status, Location=f"{inside.base_url}/x")
            for streams in (False, True):
                with pytest.raises(ProviderError) as caught:
                    asking.complete(replace(REQUEST, streams=streams))
                assert caught.value.kind == ErrorKind.REDIRECTED
        assert inside.calls == []


def test_an_address_that_nobody_routes_does_not_hide_one_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first address of a host drops what is sent to it, as a network without IPv6 may."""
    with socket.socket() as full, llm_server.running() as server:
        # A queue of one that is taken: the next connection waits until it gives up.
        full.bind(("127.0.0.2", server.server_address[1]))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, server.server_address[1]))
            for address in ("127.0.0.2", "127.0.0.1")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
        port = server.server_address[1]
        asking = client_for(
            kind="openai_compatible",
            base_url=f"http://two.example:{port}/v1",
            limits=ClientLimits(connect_seconds=0.3, total_seconds=5),
            policy=EgressPolicy.parse(["two.example"]),
        )
        assert asking.complete(REQUEST).text == "You said: Hi"
        for one in waiting:
            one.close()


def test_a_name_that_changes_its_address_after_the_check_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the resolver is the outside world, so it alone is replaced here."""
    answers = ["93.184.215.14", "127.0.0.1"]
    asked = []

    def resolver(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host)
        address = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    with llm_server.running() as server:
        port = server.server_address[1]
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        url = f"https://rebinding.example:{port}/v1"
        NOTHING_OPENED.check_url(url)
        with pytest.raises(ProviderError) as caught:
            OpenAICompatibleClient(base_url=url, policy=NOTHING_OPENED).complete(REQUEST)
        assert caught.value.kind == ErrorKind.ADDRESS_REFUSED
        assert server.calls == []


def test_a_public_address_among_private_ones_is_the_one_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        for address in ("10.0.0.1", "1.1.1.1", "1.1.1.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    assert NOTHING_OPENED.resolve("mixed.example", 443) == ["1.1.1.1"]
