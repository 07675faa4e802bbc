"""What the workers computed: a campaign's numbers, each with the last judgment it knows of."""

from django.db import models

from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign


class Report(PublicModel):
    """The numbers of a campaign at one instant. Its key is what it was computed from."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="reports")
    # The newest judgment counted, and how many events (judgments and withdrawals) there were then.
    through_judgment = models.UUIDField(null=True)
    event_count = models.PositiveBigIntegerField()
    judgment_count = models.PositiveBigIntegerField()
    method_version = models.CharField(max_length=40)
    body = models.JSONField()
    computed_at = models.DateTimeField()

    class Meta:
        get_latest_by = "computed_at"
        indexes = [models.Index(fields=["campaign", "-computed_at"], name="report_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "event_count", "method_version"], name="report_once"
            )
        ]
