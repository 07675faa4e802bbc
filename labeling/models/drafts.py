"""Answers that are not given yet, kept so that a closed tab loses nothing."""

from django.db import models
from django.db.models.functions import Now

from labeling.models.assignments import Assignment


class Draft(models.Model):
    """What a rater has chosen and typed for an assignment so far. Not an answer; never exported.

    Once the assignment is answered it says nothing any more, and a sweep deletes it.
    """

    assignment = models.OneToOneField(
        Assignment, models.CASCADE, primary_key=True, related_name="draft"
    )
    # The form's fields by name, as the page would send them.
    said = models.JSONField(default=dict)
    saved_at = models.DateTimeField(db_default=Now())
