"""Ask a model one short question, and say in words how it went and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from labeling.clients.protocol import (
    CompletionRequest,
    CompletionResult,
    ErrorKind,
    LlmClient,
    ProviderError,
)

QUESTION = "Why is the tide out twice a day? Answer in one sentence."
MAX_TOKENS = 16
# So long for a few tokens is slow: it will do, but a run takes its time.
SLOW_MS = 5_000
IN_TIME = "in_time"
SLOW = "slow"
NO_SUCH_MODEL = "no_such_model"
_SHOWN_CHARS = 200
_SHOWN_MODELS = 8
# A run of a common size, for saying what slow comes to.
_RUN = 1_000


@dataclass(frozen=True)
class Trial:
    """How it went. `kind` is in_time, slow, no_such_model, or the kind of the error."""

    ok: bool
    kind: str
    words: str
    latency_ms: int | None = None
    tokens_per_second: float | None = None
    text: str = ""
    prompt_token_count: int | None = None
    completion_token_count: int | None = None

    def as_json(self) -> dict[str, Any]:
        """As it may be stored."""
        return asdict(self)


def try_out(
    client: LlmClient,
    model: str,
    *,
    sampling: Mapping[str, Any] | None = None,
    streams: bool = False,
    at_once: int = 1,
    lister: LlmClient | None = None,
) -> Trial:
    """How the model answers one question of few tokens, asked as a run would ask it.

    `at_once` is how many calls a run would make at a time, for saying how long it would take.
    `lister` is asked for the models on offer, if that is to take another time than the question.
    """
    request = CompletionRequest(
        model=model,
        messages=[{"role": "user", "content": QUESTION}],
        sampling=_short(sampling or {}),
        streams=streams,
    )
    try:
        result = client.complete(request)
    except ProviderError as error:
        if error.status == 404 and error.kind == ErrorKind.REFUSED:
            return Trial(False, NO_SUCH_MODEL, _missing(lister or client, model))
        return Trial(False, error.kind.value, _trouble(error))
    return _success(result, at_once)


def _short(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with a short answer. Models that think first need the room they were given."""
    if "max_completion_tokens" in sampling:
        return dict(sampling)
    given = sampling.get("max_tokens")
    most = min(given, MAX_TOKENS) if isinstance(given, int) else MAX_TOKENS
    return {**sampling, "max_tokens": most}


def _success(result: CompletionResult, at_once: int) -> Trial:
    seconds = result.latency_ms / 1000
    tokens = result.completion_token_count
    pace = round(tokens / seconds, 1) if tokens and seconds else None
    if result.latency_ms >= SLOW_MS:
        kind = SLOW
        words = (
            f"Slow: {seconds:.1f} s. It will do, but {_RUN:,} completions would take about "
            f"{_duration(_RUN * seconds / max(at_once, 1))}."
        )
    else:
        kind = IN_TIME
        words = f"In time: {result.latency_ms:,} ms{f', {pace:,.0f} tokens/s' if pace else ''}."
    return Trial(
        ok=True,
        kind=kind,
        words=words,
        latency_ms=result.latency_ms,
        tokens_per_second=pace,
        text=result.text[:_SHOWN_CHARS],
        prompt_token_count=result.prompt_token_count,
        completion_token_count=tokens,
    )


def _trouble(error: ProviderError) -> str:
    status = f" ({error.status})" if error.status else ""
    said = error.message.partition(": ")[2] if error.status else ""
    said = f" It says: {said}" if said else ""
    wait = error.retry_after_seconds
    asks = "does not say how long to wait" if wait is None else f"asks for {wait:,.0f} s"
    if not error.status and error.kind in (ErrorKind.UNAUTHORISED, ErrorKind.REFUSED):
        # Nobody was asked: the key or the settings cannot be sent.
        return error.message
    return _WORDS[error.kind].format(status=status, said=said, asks=asks, message=error.message)


_WORDS = {
    ErrorKind.UNAUTHORISED: (
        "The key was refused{status}. Enter a new one, then retry what failed."
    ),
    ErrorKind.RATE_LIMITED: (
        "Too many requests{status}. The server {asks}. Runs wait, then ask fewer at once.{said}"
    ),
    ErrorKind.ADDRESS_REFUSED: (
        "Address not allowed. {message} The operator adds it with EGRESS_ALLOW."
    ),
    ErrorKind.TIMED_OUT: ("{message} The server is there. Is it busy, or still loading the model?"),
    ErrorKind.UNREACHABLE: "No answer. {message} The name resolves. Is the server up?",
    ErrorKind.EMPTY: (
        "Answered, but empty. Zero tokens. Usually a chat template that is missing on the server, "
        "or a limit of tokens that is spent on thoughts."
    ),
    ErrorKind.FILTERED: "Answered, but the provider filtered all of it.",
    ErrorKind.REDIRECTED: "The address leads elsewhere{status}. Enter the one it leads to.",
    ErrorKind.MALFORMED: "Answered, but in another form. {message} Is it of another kind?",
    ErrorKind.TOO_LARGE: "Answered, but with far too much. {message}",
    ErrorKind.SERVER_ERROR: "The server has trouble{status}.{said}",
    ErrorKind.REFUSED: "The server refused the request{status}.{said}",
}


def _missing(client: LlmClient, model: str) -> str:
    """What a 404 means, by what the server says it has."""
    try:
        names = client.models()
    except ProviderError:
        names = []
    if not names:
        return (
            "Not found (404): neither the model nor a list of models. Does the address end where "
            "it should, for most servers in /v1?"
        )
    if model in names:
        return "Not found (404), though the server offers this model. Can it chat?"
    return f"No such model (404). This server offers {_listed(names)}."


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:_SHOWN_MODELS])
    more = len(names) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more:,} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _duration(seconds: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:,.0f} {unit}s"
    return f"{seconds:,.0f} seconds"
