"""An archived campaign is the record of what was: nothing that counts changes in it any more."""

from labeling.errors import EndedError
from labeling.models import Campaign


def refuse_archived(campaign: Campaign) -> None:
    """EndedError if the campaign is archived, as its row says now."""
    if Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.ARCHIVED).exists():
        raise EndedError("This campaign is archived; nothing in it changes any more.")


def hold_campaign(campaign: Campaign) -> Campaign:
    """The campaign's row, held to the end of the transaction; EndedError if it is archived."""
    held = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    refuse_archived(held)
    return held
