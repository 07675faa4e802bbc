"""Rows for tests, made through the product's own actions wherever an action makes them."""

import hashlib
import itertools
import json
from typing import Any

from labeling.actions.campaigns import create_campaign, update_campaign
from labeling.actions.raters import add_member, pseudonym_of, take_seat
from labeling.actions.rounds import open_waiting
from labeling.actions.tokens import issue_token
from labeling.models import (
    Campaign,
    Comparison,
    Completion,
    Organisation,
    OrganisationMember,
    Prompt,
    Rater,
    Seat,
    Source,
    User,
)
from labeling.rendering.style import style_of_messages

_numbers = itertools.count(1)


def _hash(*parts: Any) -> bytes:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


def organisation(name: str = "") -> Organisation:
    n = next(_numbers)
    return Organisation.objects.create(name=name or f"Lab {n}", slug=name or f"lab-{n}")


def user(name: str = "", *, of: Organisation | None = None, role: str = "member") -> User:
    """A person who may sign in with the password "password", a member of the organisation `of`."""
    person = User.objects.create_user(name or f"user-{next(_numbers)}", password="password")
    if of is not None:
        OrganisationMember.objects.create(organisation=of, user=person, role=role)
    return person


def campaign(*, by: User | None = None, of: Organisation | None = None, **fields: Any) -> Campaign:
    """An active campaign with a two-sided scale, unless `fields` say otherwise."""
    of = of or organisation()
    n = next(_numbers)
    settings: dict[str, Any] = {
        "name": f"Campaign {n}",
        "slug": f"campaign-{n}",
        "state": "active",
        "overlap": 1,
        "schema": {"scale": 2, "tie": True, "rationale": "optional"},
    } | fields
    state = settings.pop("state")
    begins = state if state in {"draft", "active"} else "active"
    made = create_campaign(organisation=of, by=by, state=begins, **settings)
    return made if state == begins else update_campaign(campaign=made, by=by, state=state)


def rater(campaign: Campaign, name: str = "") -> Seat:
    """A person with the role of rater and a seat: `.rater`, `.rater.user`."""
    person = user(name, of=campaign.organisation)
    add_member(campaign=campaign, user=person, role="rater", by=None)
    return take_seat(user=person, campaign=campaign)


def judge(campaign: Campaign, name: str) -> Seat:
    """An LLM judge known in the campaign by `name`, as imported judgments bring one."""
    made = Rater.objects.create(organisation=campaign.organisation, kind=Rater.Kind.JUDGE)
    pseudonym = pseudonym_of(campaign, made)
    return Seat.objects.create(rater=made, campaign=campaign, pseudonym=pseudonym, external_id=name)


def member(campaign: Campaign, role: str, name: str = "") -> User:
    """A person with a role in the campaign."""
    person = user(name, of=campaign.organisation)
    add_member(campaign=campaign, user=person, role=role, by=None)
    return person


def prompt(campaign: Campaign, text: str = "", **fields: Any) -> Prompt:
    messages = fields.pop("messages", None) or [
        {"role": "user", "content": text or f"Prompt {next(_numbers)}"}
    ]
    return Prompt.objects.create(
        campaign=campaign, messages=messages, content_hash=_hash(messages), **fields
    )


def completion(prompt: Prompt, text: str, model: str = "model-one", **fields: Any) -> Completion:
    params = fields.pop("params", {})
    source, _ = Source.objects.get_or_create(
        campaign=prompt.campaign,
        key=_hash(model, params),
        defaults={"model": model, "params": params},
    )
    messages = fields.pop("messages", None) or [{"role": "assistant", "content": text}]
    return Completion.objects.create(
        prompt=prompt,
        source=source,
        messages=messages,
        content_hash=_hash(messages),
        char_count=len(text),
        **_style(messages),
        **fields,
    )


def _style(messages: list[dict[str, Any]]) -> dict[str, int]:
    style = style_of_messages(messages)
    return {
        "header_count": style.headers,
        "bold_count": style.bold,
        "list_count": style.lists,
    }


def comparison(
    campaign: Campaign,
    a: str = "",
    b: str = "",
    *,
    models: tuple[str, str] = ("model-one", "model-two"),
    prompt_text: str = "",
    **fields: Any,
) -> Comparison:
    """A waiting comparison of two texts."""
    n = next(_numbers)
    context = fields.pop("prompt", None) or prompt(campaign, prompt_text)
    return Comparison.objects.create(
        campaign=campaign,
        prompt=context,
        completion_a=completion(context, a or f"Answer one to {n}", models[0]),
        completion_b=completion(context, b or f"Answer two to {n}", models[1]),
        **fields,
    )


def open_comparisons(campaign: Campaign, count: int) -> list[Comparison]:
    """`count` comparisons, open to raters."""
    made = [comparison(campaign) for _ in range(count)]
    open_waiting(campaign=campaign, by=None)
    return made


def token(person: User, *scopes: str) -> str:
    """The text of an API token for `person`."""
    return issue_token(user=person, scopes=scopes or ["read"], by=person)[1]
