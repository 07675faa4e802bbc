"""What a run of generation would ask for, checked: models as they are used, prompts, budget."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import connection
from django.db.models import Q

from labeling.clients.endpoint_settings import read_sampling
from labeling.clients.protocol import ProviderError
from labeling.clients.registry import check_sampling
from labeling.errors import ConflictError, InvalidInputError, refused
from labeling.formats.filters import read_filters
from labeling.formats.rows import canonical_key
from labeling.models import Campaign, Endpoint, Source
from labeling.models.slots import CHOSEN, chosen

MAX_PER_PROMPT = 16
MAX_VARIANTS = 32
MAX_SLOTS = 1_000_000
MAX_AGAINST = 32
MAX_SYSTEM = 20_000
MAX_WORDS = 200
PAIRINGS = ("all", "baseline", "uncertain")
_VARIANT_KEYS = frozenset({"endpoint", "name", "sampling", "system"})
_MOST_COST = Decimal(10) ** 8


@dataclass(frozen=True)
class Variant:
    """An endpoint as the run asks it: with its own settings and words, under its own name."""

    endpoint: Endpoint
    name: str
    sampling: Mapping[str, Any]
    system: str = ""

    @property
    def params_key(self) -> bytes:
        """sha256 of all that is the same in each of its requests."""
        return canonical_key(self.endpoint.model, dict(self.sampling), self.system)


@dataclass(frozen=True)
class Plan:
    """A run that can be started."""

    variants: tuple[Variant, ...]
    completions_per_prompt: int
    pairing: str
    prompt_count: int
    # For "uncertain": how many pairs are made.
    comparisons: int | None = None
    prompt_filter: Mapping[str, Any] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    against: tuple[str, ...] = ()
    budget_calls: int | None = None
    budget_cost: Decimal | None = None
    keeps_raw: bool = False


def plan_generation(
    campaign: Campaign,
    *,
    endpoints: Sequence[str] = (),
    variants: Sequence[Mapping[str, Any]] = (),
    completions_per_prompt: int = 1,
    pairing: str = "all",
    comparisons: int | None = None,
    prompt_filter: Mapping[str, Any] | None = None,
    filters: Mapping[str, str] | None = None,
    against: Sequence[str] = (),
    budget_calls: int | None = None,
    budget_cost: Any = None,
    keeps_raw: bool = False,
) -> Plan:
    """The run that these wishes come to; InvalidInputError names what cannot be.

    `endpoints` are names or public ids of the organisation's, asked as they are; `variants` are
    objects with `endpoint` and `name`, `sampling` (laid over the endpoint's; null takes a setting
    away) and `system`. The first of all is the baseline.
    """
    wanted = _variants(campaign, endpoints, variants)
    chosen_prompts = read_prompt_filter(prompt_filter or {})
    old = _against(campaign, against)
    _check(len(wanted), completions_per_prompt, pairing, comparisons, old)
    prompt_count = count_prompts(campaign, chosen_prompts)
    if not prompt_count:
        raise ConflictError(
            "This campaign has no such prompts. Import some, or choose fewer limits."
            if chosen_prompts
            else "This campaign has no prompts yet. Import some first."
        )
    slot_count = prompt_count * len(wanted) * completions_per_prompt
    if slot_count > MAX_SLOTS:
        raise InvalidInputError(
            f"{slot_count:,} completions are more than {MAX_SLOTS:,} in one run."
        )
    cap = read_cost(budget_cost)
    if cap is not None:
        check_prices(
            [(one.endpoint.name, one.endpoint.price, one.endpoint.is_demo) for one in wanted]
        )
    return Plan(
        variants=wanted,
        completions_per_prompt=completions_per_prompt,
        pairing=pairing,
        prompt_count=prompt_count,
        comparisons=comparisons,
        prompt_filter=chosen_prompts,
        filters=read_filters(dict(filters or {})),
        against=old,
        budget_calls=read_calls(budget_calls),
        budget_cost=cap,
        keeps_raw=keeps_raw,
    )


def count_prompts(campaign: Campaign, prompt_filter: Mapping[str, Any]) -> int:
    """How many prompts a filter chooses."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM ({CHOSEN}) p",  # noqa: S608 (a constant)
            chosen(campaign.pk, prompt_filter),
        )
        ((count,),) = cursor.fetchall()
    return int(count)


def read_prompt_filter(value: Mapping[str, Any]) -> dict[str, Any]:
    """Which prompts: `languages`, `tags` (any of them) and `limit`, the first so many."""
    found: dict[str, Any] = {}
    for name, given in value.items():
        if name in ("languages", "tags"):
            words = isinstance(given, list | tuple) and all(isinstance(w, str) for w in given)
            if not words or not 1 <= len(given) <= MAX_WORDS:
                raise refused(f"prompt_filter.{name}", f"A list of 1 to {MAX_WORDS} texts.")
            found[name] = list(given)
        elif name == "limit":
            if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MAX_SLOTS:
                raise refused("prompt_filter.limit", f"A whole number from 1 to {MAX_SLOTS:,}.")
            found[name] = given
        else:
            raise refused(f"prompt_filter.{name}", "Unknown; write languages, tags, limit.")
    return found


def read_calls(value: int | None) -> int | None:
    """A cap on calls; None is none."""
    if value is not None and (isinstance(value, bool) or not 1 <= value <= 2_000_000_000):
        raise refused("budget_calls", "A whole number of calls, at least 1.")
    return value


def read_cost(value: Any) -> Decimal | None:
    """A cap on cost; None is none."""
    if value is None:
        return None
    try:
        cost = Decimal(str(value))
    except InvalidOperation:
        cost = Decimal("NaN")
    if not cost.is_finite() or not 0 < cost < _MOST_COST:
        raise refused("budget_cost", "An amount above 0, in the currency of the prices.")
    return cost.quantize(Decimal("0.000001"))


def check_prices(used: Iterable[tuple[str, Mapping[str, Any], bool]]) -> None:
    """Refuse a cap on cost for (name, price, is_demo) that could not be kept; a demo is free."""
    currencies: dict[str, str] = {}
    for name, price, is_demo in used:
        if is_demo:
            continue
        if not {"input_per_million", "output_per_million"} & set(price):
            raise refused(
                "budget_cost", f"{name} has no price, so its cost is not known. Enter one first."
            )
        currencies.setdefault(str(price.get("currency", "")).upper(), name)
    if not currencies:
        raise refused("budget_cost", "These models cost nothing, so a cap would never be reached.")
    if len(currencies) > 1:
        told = ", ".join(f"{name} in {code or 'none'}" for code, name in currencies.items())
        raise refused("budget_cost", f"The prices are in different currencies: {told}.")


def _variants(
    campaign: Campaign, endpoints: Sequence[str], variants: Sequence[Mapping[str, Any]]
) -> tuple[Variant, ...]:
    wishes: list[tuple[str, Mapping[str, Any]]] = [
        ("endpoints", {"endpoint": name}) for name in endpoints
    ]
    wishes += [(f"variants.{place}", wish) for place, wish in enumerate(variants)]
    if not 1 <= len(wishes) <= MAX_VARIANTS:
        raise refused("endpoints", f"Name 1 to {MAX_VARIANTS} endpoints.")
    made: list[Variant] = []
    for place, wish in wishes:
        variant = _variant(campaign, place, wish, {one.name for one in made})
        if any(
            one.endpoint == variant.endpoint and one.params_key == variant.params_key
            for one in made
        ):
            raise refused(place, f"{variant.endpoint.name} is named twice with the same settings.")
        made.append(variant)
    return tuple(made)


def _variant(campaign: Campaign, place: str, wish: Mapping[str, Any], taken: set[str]) -> Variant:
    at = "" if place == "endpoints" else f"{place}."
    if unknown := sorted(set(wish) - _VARIANT_KEYS):
        raise refused(
            f"{place}.{unknown[0]}", f"Unknown; write {', '.join(sorted(_VARIANT_KEYS))}."
        )
    endpoint = _endpoint(campaign, f"{at}endpoint" if at else place, str(wish.get("endpoint", "")))
    system = wish.get("system") or ""
    if not isinstance(system, str) or len(system) > MAX_SYSTEM or "\x00" in system:
        raise refused(f"{at}system", f"A text of at most {MAX_SYSTEM:,} characters.")
    given = wish.get("sampling") or {}
    if not isinstance(given, dict):
        raise refused(f"{at}sampling", 'An object, like {"temperature": 0.7}.')
    sampling = {
        name: value
        for name, value in {**endpoint.sampling, **given}.items()
        if value is not None or name not in given
    }
    try:
        read_sampling(sampling)
        check_sampling(endpoint.kind, sampling)
    except ProviderError as error:
        raise refused(f"{at}sampling", error.message) from None
    except InvalidInputError as error:
        problem = error.problems[0]
        raise refused(f"{at}{problem.field}", problem.message) from None
    name = wish.get("name") or _unused(endpoint.name, taken)
    if not isinstance(name, str) or len(name) > 120 or not name.isprintable():
        raise refused(f"{at}name", "1 to 120 printable characters.")
    if name in taken and wish.get("name"):
        raise refused(f"{at}name", f"Two models are called {name}; reports tell them apart by it.")
    return Variant(endpoint, name, sampling, system)


def _unused(name: str, taken: set[str]) -> str:
    """The endpoint's name, numbered where it stands there already."""
    if name not in taken:
        return name
    number = next(n for n in range(2, MAX_VARIANTS + 2) if f"{name[:112]} ({n})" not in taken)
    return f"{name[:112]} ({number})"


def _endpoint(campaign: Campaign, place: str, text: str) -> Endpoint:
    named = Q(name=text)
    with suppress(ValueError):
        named |= Q(public_id=uuid.UUID(text))
    known = Endpoint.objects.filter(organisation_id=campaign.organisation_id)
    endpoint = known.filter(named).first()
    if endpoint is None:
        raise refused(place, f'"{text[:120]}" is no endpoint of this organisation.')
    if endpoint.disabled_reason:
        raise refused(place, f"{endpoint.name}: {endpoint.disabled_reason}")
    return endpoint


def _against(campaign: Campaign, names: Sequence[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(names))
    if len(wanted) > MAX_AGAINST:
        raise refused("against", f"At most {MAX_AGAINST} models.")
    known = set(
        Source.objects.filter(campaign=campaign, model__in=wanted).values_list("model", flat=True)
    )
    for name in wanted:
        if name not in known:
            raise refused("against", f"No completion of this campaign is by {name[:120]}.")
    return wanted


def _check(
    variant_count: int,
    per_prompt: int,
    pairing: str,
    comparisons: int | None,
    against: Sequence[str],
) -> None:
    if not 1 <= per_prompt <= MAX_PER_PROMPT:
        raise refused("completions_per_prompt", f"From 1 to {MAX_PER_PROMPT}.")
    if pairing not in PAIRINGS:
        raise refused("pairing", f"Write one of {', '.join(PAIRINGS)}.")
    if pairing == "uncertain" and comparisons is None:
        raise refused(
            "pairing",
            '"uncertain" chooses so many pairs and no more: say how many "comparisons" are made.',
        )
    if pairing != "uncertain" and comparisons is not None:
        raise refused("comparisons", 'Only the pairing "uncertain" has this.')
    if comparisons is not None and not 1 <= comparisons <= MAX_SLOTS:
        raise refused("comparisons", f"From 1 to {MAX_SLOTS:,}.")
    if pairing == "baseline" and variant_count < 2 and not against:
        raise refused("pairing", '"baseline" compares with the first endpoint: name two or more.')
    if variant_count * per_prompt < 2 and not against:
        raise refused(
            "completions_per_prompt",
            "One completion of each prompt leaves nothing to compare: name two endpoints, or ask "
            "for two completions.",
        )
