"""The client that speaks an endpoint's form, by the kind it was registered as."""

from collections.abc import Mapping
from ssl import SSLContext
from typing import Any

from labeling.clients import anthropic, google
from labeling.clients.anthropic import AnthropicClient
from labeling.clients.demo import DemoClient
from labeling.clients.egress import EgressPolicy
from labeling.clients.google import GoogleClient
from labeling.clients.http_client import HttpClient
from labeling.clients.openai_compatible import OpenAICompatibleClient
from labeling.clients.protocol import ClientLimits, LlmClient

_CLIENTS: dict[str, type[HttpClient]] = {
    "openai_compatible": OpenAICompatibleClient,
    "anthropic": AnthropicClient,
    "google": GoogleClient,
}


def client_for(
    *,
    kind: str,
    base_url: str,
    key: str = "",
    limits: ClientLimits,
    policy: EgressPolicy,
    ssl_context: SSLContext | None = None,
) -> LlmClient:
    """A client for one endpoint and key, which threads may share. Close it after use."""
    if kind == "demo":
        return DemoClient()
    return _CLIENTS[kind](
        base_url=base_url, key=key, limits=limits, policy=policy, ssl_context=ssl_context
    )


def check_sampling(kind: str, sampling: Mapping[str, Any]) -> None:
    """Raise `ProviderError` for a setting that the provider's form has no place for."""
    if kind == "anthropic":
        anthropic.sampling(sampling)
    elif kind == "google":
        google.sampling(sampling)
