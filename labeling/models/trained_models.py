"""Models that were trained on a round's judgments, and come back in the next."""

from django.db import models
from django.db.models import UniqueConstraint

from labeling.models.accounts import User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign
from labeling.models.rounds import Round
from labeling.models.snapshots import Snapshot


class TrainedModel(PublicModel):
    """What came out of training: the name its completions will carry, and what it came from."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="trained_models")
    name = models.TextField()
    base = models.TextField(blank=True, default="", help_text="The model it was trained from.")
    round = models.ForeignKey(Round, models.PROTECT, related_name="trained_models")
    snapshot = models.ForeignKey(Snapshot, models.PROTECT, null=True, related_name="+")
    note = models.TextField(blank=True, default="")
    registered_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [UniqueConstraint(fields=["campaign", "name"], name="trainedmodel_once")]
