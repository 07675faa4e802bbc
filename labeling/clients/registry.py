"""The client that speaks an endpoint's form, by the kind it was registered as."""

from ssl import SSLContext

from labeling.clients.demo import DemoClient
from labeling.clients.egress import EgressPolicy
from labeling.clients.openai_compatible import OpenAICompatibleClient
from labeling.clients.protocol import ClientLimits, LlmClient


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
    if kind == "openai_compatible":
        return OpenAICompatibleClient(
            base_url=base_url, key=key, limits=limits, policy=policy, ssl_context=ssl_context
        )
    raise ValueError(f"No client is known for {kind}.")
