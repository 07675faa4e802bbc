"""What calls say of an endpoint's health: it rests after trouble, and a refused key ends its use.

For actions that store what calls came to, of a run or of a judge: they hold the transaction.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.db.models import BooleanField, Case, F, Q, Value, When
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from labeling import audit, notify
from labeling.actions.endpoints import KEY_REFUSED
from labeling.clients.protocol import ErrorKind, ProviderError
from labeling.models import Campaign, Endpoint

LONGEST_BACKOFF_SECONDS = 300.0
LONGEST_REST_SECONDS = 30.0
# A shorter wait than this is none that a provider can mean.
LEAST_TOLD_SECONDS = 1.0
# Failures in a row after which an endpoint is left alone for a moment, or taken out of use.
STRIKES_TO_REST = 5
STRIKES_OF_KEY = 3
# These say that the endpoint, not the request, is in trouble.
TROUBLE = frozenset({ErrorKind.SERVER_ERROR, ErrorKind.UNREACHABLE, ErrorKind.TIMED_OUT})
_TELLING = TROUBLE | {ErrorKind.RATE_LIMITED, ErrorKind.UNAUTHORISED}


@dataclass(frozen=True)
class Health:
    """What became of an endpoint: for how long it is left alone now, if it is."""

    strikes: int = 0
    rest_seconds: float | None = None
    is_limited: bool = False


def note_outcomes(
    *, endpoint_id: int, campaign_id: int, outcomes: Sequence[ProviderError | None]
) -> Health:
    """Weigh what calls came to, in the order in which they ended; None is a good answer.

    A refusal of calls that were under way when an earlier one set the endpoint to rest says nothing
    new: a burst is one strike. Only a key refused several times in a row, with nothing between,
    takes the endpoint out of use; other trouble makes it rest.
    """
    telling = [one for one in outcomes if one is None or one.kind in _TELLING]
    if not any(telling):
        if telling:
            marked = Q(strike_count__gt=0) | Q(refusal_count__gt=0)
            known = Endpoint.objects.filter(marked, pk=endpoint_id)
            # Calls that were under way when it was set to rest say nothing of how it is now.
            rests = When(rests_until__gt=Now(), then=F("strike_count"))
            known.update(strike_count=Case(rests, default=0), refusal_count=0)
        return Health()
    resting = Case(
        When(rests_until__gt=Now(), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
    found = Endpoint.objects.select_for_update(no_key=True).annotate(is_resting=resting)
    endpoint = found.get(pk=endpoint_id)
    strikes, rest, is_limited = endpoint.strike_count, 0.0, False
    is_resting, refusals, most_refusals = endpoint.is_resting, endpoint.refusal_count, 0
    for error in telling:
        refusals = refusals + 1 if error and error.kind == ErrorKind.UNAUTHORISED else 0
        most_refusals = max(most_refusals, refusals)
        if error is None:
            strikes = 0 if not is_resting else strikes
            continue
        told = error.retry_after_seconds is not None
        if is_resting and error.kind != ErrorKind.UNAUTHORISED:
            rest = max(rest, wait_seconds(error, 0) if told else 0.0)
            continue
        strikes += 1
        if error.kind == ErrorKind.RATE_LIMITED:
            rest, is_limited, is_resting = max(rest, wait_seconds(error, strikes)), True, True
        elif error.kind in TROUBLE and strikes >= STRIKES_TO_REST:
            rest = max(rest, min(2.0 ** (strikes - STRIKES_TO_REST), LONGEST_REST_SECONDS))
            is_resting = True
    endpoint.strike_count, endpoint.refusal_count = strikes, refusals
    changed = {"strike_count", "refusal_count"}
    if rest > 0:
        until = Now() + timedelta(seconds=rest)
        was = endpoint.rests_until
        endpoint.rests_until = until if was is None else Greatest(Value(was), until)
        changed.add("rests_until")
    if most_refusals >= STRIKES_OF_KEY and not endpoint.disabled_reason:
        endpoint.disabled_reason = KEY_REFUSED
        changed.add("disabled_reason")
        _tell_refused(endpoint, campaign_id)
    endpoint.save(update_fields=sorted(changed))
    return Health(strikes, rest or None, is_limited)


def wait_seconds(error: ProviderError, tries: int) -> float:
    """Seconds to the next try: at least what the provider asks for, and not all at one moment.

    A provider that asks for less than a second is waited for as one that asks for nothing: taken at
    its word it would be asked the same in a circle, as fast as it answers.
    """
    backoff = min(2.0 ** min(tries, 10), LONGEST_BACKOFF_SECONDS)
    wanted = error.retry_after_seconds
    if wanted is None or wanted < LEAST_TOLD_SECONDS:
        wanted = backoff
    return wanted * (1 + 0.2 * random.random())


def usable() -> Q:
    """The condition on endpoints that may be asked just now."""
    return Q(disabled_reason="") & (Q(rests_until=None) | Q(rests_until__lte=Now()))


def _tell_refused(endpoint: Endpoint, campaign_id: int) -> None:
    audit.record("endpoint.key_refused", subject=endpoint.public_id, strikes=endpoint.refusal_count)
    campaign = Campaign.objects.get(pk=campaign_id)
    # Once for each key and day: another key that is refused is news.
    key = sha256(bytes(endpoint.encrypted_key or b"")).hexdigest()[:16]
    notify.tell(
        notify.managers_of(campaign),
        "endpoint.failing",
        key=f"{endpoint.public_id}:{key}:{timezone.now():%Y-%m-%d}",
        campaign=campaign,
        endpoint=endpoint.name,
        why=KEY_REFUSED,
    )
