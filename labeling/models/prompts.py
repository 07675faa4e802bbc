"""Prompts as typed message lists, and the completions that answer them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign


class Prompt(PublicModel):
    """The context two completions answer: a conversation that ends before their turn.

    Its identity is the caller's id, or, without one, the hash of our canonical bytes of the
    messages (labeling.formats.rows).
    """

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="prompts")
    external_id = models.TextField(null=True)
    content_hash = models.BinaryField(max_length=32)
    messages = models.JSONField()
    language = models.CharField(max_length=35, blank=True, default="")
    tags = ArrayField(models.CharField(max_length=100), default=list)
    metadata = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["campaign", "content_hash"], name="prompt_content")]
        constraints = [
            UniqueConstraint(
                fields=["campaign", "external_id"],
                condition=Q(external_id__isnull=False),
                name="prompt_external_id",
            ),
            UniqueConstraint(
                fields=["campaign", "content_hash"],
                condition=Q(external_id=None),
                name="prompt_once_without_id",
            ),
        ]


class Source(models.Model):
    """Where a completion came from: the model and its sampling settings. Never shown to a rater."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="sources")
    # Null when a file does not say which model wrote the text.
    model = models.TextField(null=True)
    params = models.JSONField(default=dict)
    key = models.BinaryField(max_length=32, help_text="sha256 of model and params, canonical.")

    class Meta:
        constraints = [UniqueConstraint(fields=["campaign", "key"], name="source_once")]
        indexes = [models.Index(fields=["campaign", "model"], name="source_model")]


class Completion(PublicModel):
    """One model's answer to a prompt, byte for byte as it came."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="completions")
    source = models.ForeignKey(Source, models.PROTECT, related_name="completions")
    # Null when the text is unknown: a judgment made elsewhere named only the models.
    messages = models.JSONField(null=True)
    content_hash = models.BinaryField(max_length=32)
    char_count = models.PositiveIntegerField(
        default=0, help_text="Code points of all text parts, for the length statistics."
    )
    # Markdown headings, bold passages and list items outside code; -1 where not counted yet, as
    # before there were such columns (labeling.actions.styles counts those).
    header_count = models.IntegerField(default=-1, db_default=-1)
    bold_count = models.IntegerField(default=-1, db_default=-1)
    list_count = models.IntegerField(default=-1, db_default=-1)
    finish_reason = models.CharField(max_length=32, blank=True, default="")
    # What was noticed when it came: "identifies_itself", "hidden_characters".
    marks = ArrayField(models.CharField(max_length=40), default=list, db_default=[])
    # Milliseconds from the request to each token, where recorded (for the arm that replays them).
    token_times = models.JSONField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=Q(list_count=-1), name="completion_style")]
        constraints = [
            # In this order it also finds a text whatever its source.
            UniqueConstraint(
                fields=["prompt", "content_hash", "source"], name="completion_once_per_source"
            ),
            CheckConstraint(
                condition=Q(messages__isnull=False) | Q(char_count=0),
                name="completion_unknown_text_has_no_length",
            ),
        ]
