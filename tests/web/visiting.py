"""Somebody who visits the pages of campaigns, and what they are shown."""

import uuid
from typing import Any

from django.test import Client
from django.urls import reverse

from labeling.models import Campaign, User


def as_(person: User) -> Client:
    """A browser in which the person is signed in."""
    client = Client()
    client.force_login(person)
    return client


def page(client: Client, name: str, *args: Any, **query: str) -> str:
    """The page of this name, which must be there."""
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200, response.content[:2000]
    return response.content.decode()


def address(name: str, campaign: Campaign) -> str:
    """Where the page of this name lies for the campaign, its first comparison or any import."""
    if name in {"campaigns", "campaign_new"}:
        return reverse(name)
    args: list[Any] = [campaign.slug]
    if name == "campaign_comparison":
        args.append(campaign.comparisons.first().public_id)  # type: ignore[union-attr]
    if name == "campaign_import":
        args.append(uuid.uuid4())
    return reverse(name, args=args)
