"""The form of an LLM endpoint: every setting a field of its own, and back."""

import json
import re
from typing import Any

from django import forms

from labeling.models import Endpoint
from labeling.web.round_forms import RefusableForm

KINDS = (
    (Endpoint.Kind.OPENAI_COMPATIBLE, "OpenAI-compatible"),
    (Endpoint.Kind.ANTHROPIC, "Anthropic"),
    (Endpoint.Kind.GOOGLE, "Google"),
)
SAMPLING = ("temperature", "top_p", "max_tokens", "seed")
LIMITS = (
    *("concurrency", "requests_per_minute", "tokens_per_minute", "max_attempts"),
    *("connect_seconds", "first_token_seconds", "timeout_seconds", "cost_per_run"),
)
_ESCAPED = {"n": "\n", "r": "\r", "\\": "\\"}
PRICES = ("input_per_million", "output_per_million")


class PlainNumber(forms.FloatField):
    """A number that stays whole where it was written so: 1 and 1.0 are two settings."""

    def to_python(self, value: Any) -> float | int | None:  # type: ignore[override]
        number = super().to_python(value)
        if number is not None and str(value).strip().lstrip("+-").isdecimal():
            return int(number)
        return number


def _number(label: str, help_text: str = "", **more: Any) -> PlainNumber:
    widget = forms.NumberInput({"step": "any", "inputmode": "decimal"})
    return PlainNumber(label=label, required=False, help_text=help_text, widget=widget, **more)


def _count(label: str, help_text: str = "", *, least: int | None = 1) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, help_text=help_text, min_value=least)


class EndpointForm(RefusableForm):
    """An endpoint. What may stand in it, the action says; this only reads numbers and names."""

    use_required_attribute = False

    name = forms.CharField(
        max_length=120, label="Name", help_text="What the reports call it. Raters never see it."
    )
    model = forms.CharField(max_length=200, label="Model", help_text="As the server names it.")
    kind = forms.ChoiceField(
        choices=KINDS, label="Kind", help_text="OpenAI-compatible: vLLM, TGI, Ollama, OpenRouter, …"
    )
    base_url = forms.CharField(
        max_length=500,
        label="Address",
        help_text="Up to and with /v1. Other than public https, it must be on the allow list that "
        "the operator keeps.",
        widget=forms.TextInput({"inputmode": "url", "spellcheck": "false"}),
    )
    # Never filled in: what was typed does not come back from a form with an error, either.
    key = forms.CharField(
        max_length=1000,
        required=False,
        label="Key",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    drop_key = forms.BooleanField(required=False, label="Forget the key")
    streams = forms.BooleanField(
        required=False, label="Stream answers, and keep when each piece came"
    )

    temperature = _number("Temperature")
    top_p = _number("Top-p")
    max_tokens = _count("Most tokens", "An answer is cut there.")
    seed = _count("Seed", "Where the server knows one.", least=None)
    stop = forms.CharField(
        max_length=2000,
        required=False,
        label="Stop at",
        help_text="Texts that end an answer, one a line; \\n stands for a new line.",
        strip=False,
        widget=forms.Textarea({"rows": 2}),
    )
    sampling = forms.CharField(
        max_length=10_000,
        required=False,
        label="Other settings",
        help_text="A JSON object that goes along with each request.",
        widget=forms.Textarea({"rows": 2, "spellcheck": "false", "class": "mono"}),
    )

    concurrency = _count("At once", "Calls under way, of all workers together.")
    requests_per_minute = _count("Requests a minute")
    tokens_per_minute = _count("Tokens a minute")
    max_attempts = _count("Tries", "Of one completion. Being told to wait is none.")
    connect_seconds = _number("Seconds to connect")
    first_token_seconds = _number("Seconds to the first token")
    timeout_seconds = _number("Seconds in all")
    cost_per_run = _number("Most it may cost in a run")

    input_per_million = _number("Per million tokens in")
    output_per_million = _number("Per million tokens out")
    currency = forms.CharField(
        max_length=3, required=False, label="Currency", help_text="Three letters, like EUR."
    )

    @classmethod
    def of(cls, endpoint: Endpoint) -> "EndpointForm":
        """The form as it stands for an endpoint that is there."""
        return cls(initial=_initial(endpoint), endpoint=endpoint)

    def __init__(self, *args: Any, endpoint: Endpoint | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.endpoint = endpoint
        key = self.fields["key"]
        if endpoint is not None and endpoint.encrypted_key is not None:
            key.label = "New key"
            key.widget.attrs["placeholder"] = f"Leave empty to keep …{endpoint.key_hint}"
            key.help_text = (
                f"Write-only: kept encrypted, for {endpoint.key_host} alone, never shown again, "
                "never exported."
            )
        else:
            key.help_text = "Write-only: kept encrypted, never shown again, never exported."

    @property
    def sampling_fields(self) -> list[forms.BoundField]:
        """What each request asks for."""
        return [self[name] for name in SAMPLING]

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        """How it may be asked."""
        return [self[name] for name in LIMITS]

    @property
    def price_fields(self) -> list[forms.BoundField]:
        """What it costs."""
        return [self[name] for name in (*PRICES, "currency")]

    def clean_sampling(self) -> dict[str, Any]:
        """What else goes along, as JSON says it."""
        text = self.cleaned_data["sampling"].strip()
        if not text:
            return {}
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise forms.ValidationError('Write a JSON object, like {"top_k": 40}.') from None
        if not isinstance(value, dict):
            raise forms.ValidationError('Write a JSON object, like {"top_k": 40}.')
        if twice := sorted({*SAMPLING, "stop"} & set(value)):
            raise forms.ValidationError(f"{twice[0]} has a field of its own.")
        return value

    def arguments(self) -> dict[str, Any]:
        """What `register_endpoint` and `update_endpoint` take. An empty key changes nothing."""
        data = self.cleaned_data
        sampling = {**_given(data, SAMPLING), **data["sampling"]}
        if stops := [_read(line) for line in _lines(data["stop"]) if line]:
            before = self.endpoint.sampling.get("stop") if self.endpoint else None
            sampling["stop"] = before if [before] == stops else stops
        price = _given(data, PRICES)
        if data["currency"].strip():
            price["currency"] = data["currency"].strip().upper()
        asked = {
            "name": data["name"],
            "kind": data["kind"],
            "base_url": data["base_url"],
            "model": data["model"],
            "streams": data["streams"],
            "sampling": sampling,
            "limits": _given(data, LIMITS),
            "price": price,
        }
        if data["key"]:
            asked["key"] = data["key"]
        elif data["drop_key"]:
            asked["key"] = ""
        return asked


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")


def _written(stop: str) -> str:
    return stop.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _read(line: str) -> str:
    return re.sub(r"\\([nr\\])", lambda found: _ESCAPED[found[1]], line)


def _given(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: data[name] for name in names if data[name] is not None}


def _initial(endpoint: Endpoint) -> dict[str, Any]:
    sampling = dict(endpoint.sampling)
    stop = sampling.pop("stop", [])
    stop = stop if isinstance(stop, list) else [stop]
    known = {name: sampling.pop(name) for name in SAMPLING if name in sampling}
    return {
        "name": endpoint.name,
        "kind": endpoint.kind,
        "base_url": endpoint.base_url,
        "model": endpoint.model,
        "streams": endpoint.streams,
        **known,
        "stop": "\n".join(_written(str(one)) for one in stop),
        "sampling": json.dumps(sampling, ensure_ascii=False) if sampling else "",
        **{name: endpoint.limits.get(name) for name in LIMITS},
        **{name: endpoint.price.get(name) for name in (*PRICES, "currency")},
    }
