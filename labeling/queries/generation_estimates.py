"""What a run would take: completions, calls, tokens, money and time, each with where it is from."""

from dataclasses import dataclass
from decimal import Decimal
from math import sqrt
from typing import Any, Final

from django.db import connection

from labeling.clients.endpoint_settings import CallLimits, call_limits
from labeling.models import Campaign
from labeling.models.slots import CHOSEN, chosen
from labeling.queries.generation_plans import Plan, Variant, plan_generation

# Fewer answers than these tell nothing of an endpoint's next ones.
LEAST_KNOWN: Final = 20
MOST_KNOWN: Final = 2000
# OpenAI's rule of thumb for English: about four characters of a text are one token.
CHARS_PER_TOKEN: Final = 4.0
# Where nobody says how long an answer may be.
USUAL_MOST_TOKENS: Final = 1024
_MOST_TOKENS: Final = ("max_tokens", "max_completion_tokens", "maxOutputTokens", "max_new_tokens")
_Z95: Final = 1.96

_MISSING = f"""
SELECT count(*), coalesce(sum(length(q.messages::text)), 0)
FROM ({CHOSEN}) p JOIN labeling_prompt q ON q.id = p.id
CROSS JOIN LATERAL generate_series(1, %(samples)s) AS n (sample)
WHERE NOT EXISTS (SELECT FROM labeling_generationslot s WHERE s.prompt_id = p.id
  AND s.endpoint_id = %(endpoint)s AND s.params_key = %(key)s AND s.sample = n.sample
  AND s.state = 'filled')
"""  # noqa: S608 (constants)
_KNOWN = """
SELECT count(output_tokens), avg(output_tokens), stddev_samp(output_tokens), avg(latency_ms),
  sum(input_tokens) FILTER (WHERE input_tokens IS NOT NULL), sum(char_count)
    FILTER (WHERE input_tokens IS NOT NULL), avg(attempts)
FROM (SELECT s.output_tokens, s.latency_ms, s.input_tokens, s.attempts,
    length(p.messages::text) AS char_count
  FROM labeling_generationslot s JOIN labeling_prompt p ON p.id = s.prompt_id
  WHERE s.endpoint_id = %(endpoint)s AND s.state = 'filled'
    AND s.provenance->'request'->>'model' = %(model)s
    AND (%(key)s::bytea IS NULL OR s.params_key = %(key)s::bytea)
  ORDER BY s.id DESC LIMIT %(most)s) s
"""


@dataclass(frozen=True)
class Range:
    """A figure with its bounds: 95 % where it was measured, else the least and the most."""

    expected: float
    low: float
    high: float

    def times(self, factor: float) -> "Range":
        """All three, so many times."""
        return Range(self.expected * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True)
class VariantEstimate:
    """One model's share of a run."""

    position: int
    name: str
    completions: int
    calls: float
    input_tokens: float
    output_tokens: Range
    # None without a price.
    cost: Range | None
    currency: str
    # None where neither a limit nor an earlier answer says anything of the speed.
    seconds: float | None
    # Whether its earlier answers were measured, or all this is a bound.
    is_measured: bool


@dataclass(frozen=True)
class Estimate:
    """A run that was not started."""

    prompts: int
    variants: tuple[VariantEstimate, ...]
    budget_calls: int | None
    budget_cost: Decimal | None

    @property
    def completions(self) -> int:
        return sum(one.completions for one in self.variants)

    @property
    def calls(self) -> float:
        return sum(one.calls for one in self.variants)

    @property
    def input_tokens(self) -> float:
        return sum(one.input_tokens for one in self.variants)

    @property
    def output_tokens(self) -> Range:
        return _sum([one.output_tokens for one in self.variants])

    @property
    def currency(self) -> str:
        """Of all prices; empty where there is none, or more than one."""
        used = {one.currency for one in self.variants if one.cost is not None}
        return used.pop() if len(used) == 1 else ""

    @property
    def cost(self) -> Range | None:
        """Of all that has a price, where the prices are in one currency."""
        known = [one.cost for one in self.variants if one.cost is not None]
        if not known or len({one.currency for one in self.variants if one.cost}) > 1:
            return None
        return _sum(known)

    @property
    def seconds(self) -> float | None:
        """Endpoints go side by side, so it is the slowest one's."""
        known = [one.seconds for one in self.variants if one.seconds is not None]
        return max(known) if known else None

    @property
    def is_over_budget(self) -> bool:
        """The run would stop at its budget before it is done."""
        over_calls = self.budget_calls is not None and self.calls > self.budget_calls
        cost = self.cost
        return over_calls or bool(
            self.budget_cost is not None and cost and cost.expected > float(self.budget_cost)
        )


def estimate_generation(campaign: Campaign, **wishes: Any) -> Estimate:
    """What starting a run with these wishes would take; raises as starting it would."""
    plan = plan_generation(campaign, **wishes)
    return Estimate(
        prompts=plan.prompt_count,
        variants=tuple(
            _variant(campaign, plan, position, one) for position, one in enumerate(plan.variants)
        ),
        budget_calls=plan.budget_calls,
        budget_cost=plan.budget_cost,
    )


def _variant(campaign: Campaign, plan: Plan, position: int, one: Variant) -> VariantEstimate:
    about = {"endpoint": one.endpoint.pk, "key": one.params_key}
    missing, chars = _row(
        _MISSING,
        {
            **chosen(campaign.pk, plan.prompt_filter),
            **about,
            "samples": plan.completions_per_prompt,
        },
    )
    known = {"most": MOST_KNOWN, "model": one.endpoint.model, **about}
    measured = _row(_KNOWN, known)
    if measured[0] < LEAST_KNOWN:
        # With these settings it was hardly asked; with others it was perhaps.
        measured = _row(_KNOWN, {**known, "key": None})
    count, mean, spread, latency, told_tokens, told_chars, attempts = measured
    is_measured = count >= LEAST_KNOWN
    per_char = 1 / CHARS_PER_TOKEN
    if is_measured and told_tokens and told_chars:
        per_char = float(told_tokens) / float(told_chars)
    input_tokens = (float(chars) + missing * len(one.system)) * per_char
    if is_measured:
        output = _forecast(missing, count, float(mean), float(spread or 0))
    else:
        most = _most_tokens(one)
        output = Range(missing * most / 2, 0.0, float(missing * most))
    calls = missing * max(1.0, float(attempts or 1)) if is_measured else float(missing)
    limits = call_limits(one.endpoint.limits)
    return VariantEstimate(
        position=position,
        name=one.name,
        completions=int(missing),
        calls=calls,
        input_tokens=input_tokens,
        output_tokens=output,
        cost=_cost(one, input_tokens, output),
        currency=str(one.endpoint.price.get("currency", "")),
        seconds=_seconds(
            limits, calls, input_tokens + output.expected, latency if is_measured else None
        ),
        is_measured=is_measured,
    )


def _forecast(wanted: int, known: int, mean: float, spread: float) -> Range:
    """The sum of `wanted` new answers, from the mean of `known` ones: both vary."""
    error = _Z95 * spread * sqrt(wanted + wanted * wanted / known)
    return Range(wanted * mean, max(wanted * mean - error, 0.0), wanted * mean + error)


def _most_tokens(one: Variant) -> int:
    for name in _MOST_TOKENS:
        value = one.sampling.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return USUAL_MOST_TOKENS


def _cost(one: Variant, input_tokens: float, output: Range) -> Range | None:
    price = one.endpoint.price
    if not any(name in price for name in ("input_per_million", "output_per_million")):
        return None
    given = input_tokens * float(price.get("input_per_million", 0)) / 1e6
    taken = output.times(float(price.get("output_per_million", 0)) / 1e6)
    return Range(given + taken.expected, given + taken.low, given + taken.high)


def _seconds(
    limits: CallLimits, calls: float, tokens: float, latency: Decimal | None
) -> float | None:
    """The slowest of what limits it: calls at once, requests and tokens per minute."""
    bounds = []
    if latency is not None:
        bounds.append(calls * float(latency) / 1000 / limits.concurrency)
    if limits.requests_per_minute:
        bounds.append(60 * calls / limits.requests_per_minute)
    if limits.tokens_per_minute:
        bounds.append(60 * tokens / limits.tokens_per_minute)
    return max(bounds) if bounds else None


def _sum(ranges: list[Range]) -> Range:
    # Bounds are added as they are: wider than the sum's own, and safe.
    return Range(
        sum(one.expected for one in ranges),
        sum(one.low for one in ranges),
        sum(one.high for one in ranges),
    )


def _row(statement: str, parameters: dict[str, Any]) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        (row,) = cursor.fetchall()
    found: tuple[Any, ...] = row
    return found
