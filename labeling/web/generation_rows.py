"""A run as its page shows it: rows of models, what went wrong, time left, and money."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone

from labeling.actions.endpoints import KEY_REFUSED
from labeling.charts.axes import moment_label
from labeling.charts.throughput import throughput_chart
from labeling.formats import filters
from labeling.models import GenerationRun
from labeling.queries.generation import EndpointProgress, RunProgress
from labeling.queries.generation_estimates import Estimate
from labeling.queries.generation_figures import ModelFigures, RunFigures
from labeling.templatetags.costs import money
from labeling.web.generation_words import advice_for

State = GenerationRun.State
LIVE = {State.RUNNING, State.PAUSED, State.BUDGET}
HUES = {State.RUNNING: "", State.PAUSED: "warn", State.BUDGET: "warn", State.FINISHED: "ok"}
WORDS = {
    State.RUNNING: "Running",
    State.PAUSED: "Paused",
    State.BUDGET: "At its budget",
    State.FINISHED: "Finished",
    State.CANCELLED: "Cancelled",
}
MINUTE = 60


@dataclass(frozen=True)
class Said:
    """A figure with the line below it."""

    value: str
    says: str
    title: str = ""


@dataclass(frozen=True)
class Row:
    """A model's row in the table."""

    position: int
    name: str
    says: str
    is_demo: bool
    filled: int
    failed: int
    total: int
    rate: str
    median_ms: float | None
    cost: str
    state: str
    hue: str
    # What its button does: "pause-one", "resume-one" or nothing.
    move: str


@dataclass(frozen=True)
class Trouble:
    """One kind of failure of one model."""

    position: int
    name: str
    kind: str
    title: str
    count: int
    message: str
    says: str
    is_retried: bool
    place: str


@dataclass(frozen=True)
class LeftOut:
    """A filter, and how many completions it left out."""

    title: str
    count: int
    says: str


def context_of(run: GenerationRun, progress: RunProgress, figures: RunFigures) -> dict[str, Any]:
    """All that the parts of the page need of a run."""
    currency = currency_of(progress)
    return {
        "run": run,
        "progress": progress,
        "is_live": run.state in LIVE,
        "state": {"words": WORDS[State(run.state)], "hue": HUES.get(State(run.state), "")},
        "shape": _shape(run, progress),
        "rows": [_row(run, one, figures, currency) for one in progress.endpoints],
        "problems": _troubles(progress),
        "rate": f"{figures.tokens_per_second:,.0f}" if run.state == State.RUNNING else "–",
        "left": _left(run, progress, figures),
        "trouble": _errors(progress),
        "spent": _spent(run, figures, currency),
        "currency": currency,
        "chart": throughput_chart(figures.minutes, key="tps"),
        "minutes": [(moment_label(at, span=1e4), speed) for at, speed in reversed(figures.minutes)],
        "filters": _left_out(run, figures),
        "open_count": progress.counts["waiting"] + progress.counts["leased"],
        "cap_words": _cap(run, currency),
        "raise_calls": _raised(run.budget_calls, run.call_count),
        "raise_cost": _raised_cost(run.budget_cost, run.cost),
    }


def currency_of(progress: RunProgress) -> str:
    """The currency of the run's prices; empty where there is none, or more than one."""
    used = {str(one.endpoint.price.get("currency") or "") for one in progress.endpoints}
    return used.pop() if len(used) == 1 else ""


def _shape(run: GenerationRun, progress: RunProgress) -> str:
    count = run.completions_per_prompt
    per_model = max((one.total for one in progress.endpoints), default=0)
    said = f"{per_model // max(count, 1):,} prompts each, {count} completion"
    said += "s of each" if count > 1 else " of each"
    return said + (", paired with the first" if run.pairing == "baseline" else ", every pair")


def _row(run: GenerationRun, one: EndpointProgress, figures: RunFigures, currency: str) -> Row:
    used = one.endpoint
    own = figures.models.get((used.endpoint_id, bytes(used.params_key))) or ModelFigures()
    state, hue = _state(run, one)
    is_running = run.state == State.RUNNING and one.open_count > 0 and not used.is_paused
    move = ""
    if run.state in LIVE and one.open_count:
        move = "resume-one" if used.is_paused else "pause-one"
    return Row(
        position=used.position,
        name=used.name,
        says=_settings(one),
        is_demo=used.endpoint.is_demo,
        filled=one.counts["filled"],
        failed=one.counts["failed"],
        total=one.total,
        rate=f"{own.tokens_per_second:,.0f}" if is_running else "–",
        median_ms=own.median_ms,
        cost=money(own.cost, currency),
        state=state,
        hue=hue,
        move=move,
    )


def _settings(one: EndpointProgress) -> str:
    used = one.endpoint
    said = [used.model]
    for name, words in (("temperature", "T"), ("top_p", "top-p"), ("max_tokens", "at most")):
        if (value := used.sampling.get(name)) is not None:
            said.append(f"{words} {value}")
    if used.system:
        said.append("own system text")
    return " · ".join(said)


def _state(run: GenerationRun, one: EndpointProgress) -> tuple[str, str]:
    endpoint = one.endpoint.endpoint
    if not one.total and run.state in LIVE:
        return "Starting", ""
    if not one.open_count:
        if one.counts["cancelled"]:
            return "Cancelled", ""
        if one.counts["failed"]:
            all_failed = one.counts["failed"] == one.total
            return ("Failed", "bad") if all_failed else ("Done in part", "warn")
        return "Done", "ok"
    if endpoint.disabled_reason:
        return ("Key refused" if endpoint.disabled_reason == KEY_REFUSED else "Out of use"), "bad"
    if run.state != State.RUNNING:
        return WORDS[State(run.state)], "warn"
    if one.endpoint.is_paused:
        return "Paused", "warn"
    if endpoint.rests_until and (rest := endpoint.rests_until - timezone.now()) > timedelta():
        return f"Waiting {_brief(rest.total_seconds())}", "warn"
    return "Running", ""


def _troubles(progress: RunProgress) -> list[Trouble]:
    troubles = []
    for problem in progress.problems:
        advice = advice_for(problem.kind)
        says = advice.says
        if problem.is_retried:
            says = f"Tried again by itself{_next(problem.next_try_at)}. {says}".strip()
        place = ""
        if advice.is_endpoint and not problem.used.endpoint.is_demo:
            place = f"{reverse('endpoint', args=[problem.used.endpoint.public_id])}#form"
        troubles.append(
            Trouble(
                position=problem.used.position,
                name=problem.endpoint,
                kind=problem.kind,
                title=advice.title,
                count=problem.count,
                message=problem.message,
                says=says,
                is_retried=problem.is_retried,
                place=place,
            )
        )
    return troubles


def _next(at: datetime | None) -> str:
    if at is None or (wait := (at - timezone.now()).total_seconds()) <= 0:
        return " at once"
    return f" in {_brief(wait)}"


def _errors(progress: RunProgress) -> Said:
    failed = progress.counts["failed"]
    retried = sum(one.count for one in progress.problems if one.is_retried)
    if retried:
        return Said(f"{failed + retried:,}", f"{retried:,} tried again by themselves")
    return Said(f"{failed:,}", "after every try" if failed else "none so far")


def _left(run: GenerationRun, progress: RunProgress, figures: RunFigures) -> Said:
    if run.finished_at is not None:
        took = (run.finished_at - run.created_at).total_seconds()
        title = "Took" if run.state == State.FINISHED else "Ended after"
        return Said(_brief(took), f"{run.finished_at:%H:%M} UTC", title)
    seconds: list[float | None] = []
    for one in progress.endpoints:
        used = one.endpoint
        if one.open_count and not used.is_paused and not used.endpoint.disabled_reason:
            own = figures.models.get((used.endpoint_id, bytes(used.params_key)))
            seconds.append(own.seconds_left if own else None)
    known = [one for one in seconds if one is not None]
    if run.state != State.RUNNING or not known:
        why = "not running" if run.state != State.RUNNING else "no pace yet"
        return Said("–", why, "Done in")
    most = max(known)
    at = timezone.now() + timedelta(seconds=most)
    says = f"about {at:%H:%M} UTC"
    if len(known) < len(seconds):
        says = "without the models that stand still"
    return Said(_brief(most), says, "Done in")


def _spent(run: GenerationRun, figures: RunFigures, currency: str) -> Said:
    expected = figures.expected_cost
    said = []
    if run.state in LIVE and expected is not None and expected > run.cost:
        said.append(f"of about {money(expected, currency)}")
    if run.budget_cost is not None:
        said.append(f"cap {money(run.budget_cost, currency)}")
    if run.budget_calls is not None:
        said.append(f"{run.call_count:,} of {run.budget_calls:,} calls")
    if not run.cost and expected is None:
        return Said("–", ", ".join(said) or "no price is known")
    return Said(money(run.cost, currency), ", ".join(said) or "no cap")


def _cap(run: GenerationRun, currency: str) -> str:
    said = []
    if run.budget_calls is not None:
        said.append(f"{run.call_count:,} of {run.budget_calls:,} calls are made.")
    if run.budget_cost is not None:
        spent, cap = money(run.cost, currency), money(run.budget_cost, currency)
        said.append(f"{spent} of {cap} are spent.")
    return " ".join(said)


def _raised(cap: int | None, used: int) -> int | None:
    """What a cap may be raised to: twice as much where it is reached, else what it is."""
    return cap if cap is None or used < cap else 2 * max(cap, used)


def _raised_cost(cap: Decimal | None, used: Decimal) -> str:
    if cap is None:
        return ""
    # To the last of its places: a cap of less than a cent is one, too.
    return f"{(cap if used < cap else 2 * max(cap, used)).normalize():f}"


def _left_out(run: GenerationRun, figures: RunFigures) -> list[LeftOut]:
    counts = dict(figures.left_out)
    shown = []
    for name, title in filters.WORDS.items():
        chosen = run.filters.get(name, filters.DEFAULTS[name])
        if chosen == filters.DROP or counts.get(name):
            count = counts.pop(name, 0)
            shown.append(LeftOut(title, count, "completion" if count == 1 else "completions"))
    shown += [
        LeftOut(name.replace("_", " "), count, "completions") for name, count in counts.items()
    ]
    return shown


def _brief(seconds: float) -> str:
    """A span of time in its two largest units at most."""
    if seconds < 2 * MINUTE:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / MINUTE)
    if minutes < 120:
        return f"{minutes} min"
    return (
        f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes // 1440} days"
    )


@dataclass(frozen=True)
class Earlier:
    """A run that is over, in a line."""

    run: GenerationRun
    progress: RunProgress

    @property
    def names(self) -> list[str]:
        """The models it asked."""
        return [one.endpoint.name for one in self.progress.endpoints]

    @property
    def currency(self) -> str:
        """Of its prices, where they have one in common."""
        return currency_of(self.progress)


def estimate_context(estimate: Estimate) -> dict[str, Any]:
    """What a run would take, in figures with their doubt."""
    cost = estimate.cost
    said = ""
    if cost is not None:
        low, high = (money(amount, estimate.currency) for amount in (cost.low, cost.high))
        bare = money(cost.high)
        said = low if low == high else f"{low}–{bare}"
    return {
        "estimate": estimate,
        "estimate_cost": said,
        "estimate_time": "" if estimate.seconds is None else f"about {_brief(estimate.seconds)}",
    }
