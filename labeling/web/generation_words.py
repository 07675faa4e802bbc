"""What the page of generation says of each kind of failure, and what can be done about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """A failure's name in words, what to do about it, and whether that is done at the endpoint."""

    title: str
    says: str
    is_endpoint: bool = False


ADVICE = {
    "rate_limited": Advice(
        "too many requests",
        "The provider asks us to wait; that costs no try. Fewer at once or a minute help.",
        is_endpoint=True,
    ),
    "unauthorised": Advice(
        "the key was refused",
        "Enter a new key, then retry.",
        is_endpoint=True,
    ),
    "refused": Advice(
        "the request was refused",
        "Another try would be the same: look at the model’s name and its settings.",
        is_endpoint=True,
    ),
    "server_error": Advice(
        "the server failed", "Nothing is wrong here. Retry when the provider is well again."
    ),
    "unreachable": Advice(
        "the server cannot be reached",
        "Is it up? Test the endpoint, then retry.",
        is_endpoint=True,
    ),
    "timed_out": Advice(
        "no whole answer in time",
        "Give it more seconds, or ask fewer at once, then retry.",
        is_endpoint=True,
    ),
    "malformed": Advice(
        "an answer in another form",
        "What came is no completion. Is the address that of the API, up to /v1?",
        is_endpoint=True,
    ),
    "empty": Advice(
        "an empty completion",
        "Usually a chat template that is missing on the server.",
    ),
    "filtered": Advice(
        "filtered by the provider",
        "The provider will not answer this prompt. Leave it, or ask another model.",
    ),
    "too_large": Advice(
        "an answer too large to keep", "Lower the most tokens, then retry.", is_endpoint=True
    ),
    "redirected": Advice(
        "sent to another address",
        "The key does not follow there. Enter the address it was sent to, if it is right.",
        is_endpoint=True,
    ),
    "address_refused": Advice(
        "the address is not allowed",
        "The operator opens hosts with EGRESS_ALLOW.",
        is_endpoint=True,
    ),
    "worker_lost": Advice(
        "the worker stopped while asking",
        "If it happens again after a retry, the worker’s log has the reason.",
    ),
    "endpoint_disabled": Advice(
        "the endpoint is out of use",
        "Put right what is wrong with it and use it again, then retry.",
        is_endpoint=True,
    ),
}


def advice_for(kind: str) -> Advice:
    """The advice for a kind of failure; its own name where there is none."""
    return ADVICE.get(kind) or Advice(kind.replace("_", " "), "")
