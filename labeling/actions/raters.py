"""Give people a part in campaigns, and take it back."""

import hashlib
import hmac

from django.db import transaction

from labeling import audit
from labeling.actions.leases import free_what_is_held
from labeling.errors import ConflictError
from labeling.models import Campaign, Lane, Membership, Place, Rater, Seat, User


def pseudonym_of(campaign: Campaign, rater: Rater) -> str:
    """The rater's name in the campaign's exports: keyed by it, so it links to no other."""
    digest = hmac.new(
        campaign.pseudonym_key.encode(), rater.public_id.bytes, hashlib.sha256
    ).hexdigest()
    return f"rater-{digest[:16]}"


@transaction.atomic(durable=True)
def take_seat(*, user: User, campaign: Campaign) -> Seat:
    """The user's seat in the campaign, made on their first visit with a place in every lane."""
    rater, _ = Rater.objects.get_or_create(
        organisation=campaign.organisation,
        user=user,
        defaults={"is_simulated": user.is_simulated},
    )
    return seat_with_places(rater, campaign)


@transaction.atomic(durable=True)
def add_member(*, campaign: Campaign, user: User, role: str, by: User | None) -> Membership:
    """Give the user a role in the campaign. Safe to repeat."""
    membership, is_new = Membership.objects.get_or_create(campaign=campaign, user=user, role=role)
    if is_new:
        audit.record("member.added", campaign=campaign, by=by, subject=user.public_id, role=role)
    return membership


@transaction.atomic(durable=True)
def suspend_rater(*, campaign: Campaign, rater: Rater, by: User | None) -> None:
    """End the rater's claims in the campaign; what they hold goes back to the queue at once."""
    Seat.objects.filter(rater=rater, campaign=campaign).update(is_active=False)
    free_what_is_held(Seat.objects.filter(rater=rater, campaign=campaign))
    audit.record("rater.suspended", campaign=campaign, by=by, subject=rater.public_id)


@transaction.atomic(durable=True)
def reinstate_rater(*, campaign: Campaign, rater: Rater, by: User | None) -> None:
    """Let a suspended rater claim again, from a place in every lane. Safe to repeat."""
    if rater.user_id is None:
        raise ConflictError("Only a person who signs in can rate here.")
    seat = Seat.objects.select_for_update(no_key=True).get(rater=rater, campaign=campaign)
    if seat.is_active:
        return
    # Lanes may have been laid meanwhile.
    seat_with_places(rater, campaign)
    seat.is_active = True
    seat.save(update_fields=["is_active"])
    audit.record("rater.reinstated", campaign=campaign, by=by, subject=rater.public_id)


def seat_with_places(rater: Rater, campaign: Campaign) -> Seat:
    """The rater's seat, with a place in every lane; made where it is missing, in the caller's
    transaction.
    """
    # Nobody lays a new lane meanwhile: each lane has a place for every seat, however they come.
    Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    seat, _ = Seat.objects.get_or_create(
        rater=rater,
        campaign=campaign,
        defaults={"pseudonym": pseudonym_of(campaign, rater)},
    )
    for lane in Lane.objects.filter(campaign=campaign):
        Place.objects.get_or_create(seat=seat, lane=lane, defaults={"rank": lane.rank})
    return seat
