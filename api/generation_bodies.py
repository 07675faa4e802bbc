"""What is sent to `…/generations/`, and the figures that come back."""

from typing import Any

from rest_framework import serializers

from api.base import KnownFieldsMixin
from labeling.queries.generation import RunProgress
from labeling.queries.generation_figures import ModelFigures, RunFigures
from labeling.queries.generation_plans import MAX_PER_PROMPT, PAIRINGS


class VariantSerializer(KnownFieldsMixin[Any]):
    """An endpoint with settings and words of its own."""

    endpoint = serializers.CharField(max_length=200, help_text="Its name or id.")
    name = serializers.CharField(
        max_length=120, required=False, help_text="What reports call it; by default its own name."
    )
    sampling = serializers.DictField(
        required=False, help_text="Laid over the endpoint's; null takes a setting away."
    )
    system = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, max_length=20_000
    )


class StartSerializer(KnownFieldsMixin[Any]):
    """What to ask for."""

    endpoints = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        help_text="Names or ids, asked as they are. The first of all models is the baseline.",
    )
    variants = serializers.ListField(
        child=VariantSerializer(), required=False, help_text="Endpoints with their own settings."
    )
    completions_per_prompt = serializers.IntegerField(
        min_value=1, max_value=MAX_PER_PROMPT, default=1, help_text="Of each model."
    )
    pairing = serializers.ChoiceField(choices=PAIRINGS, default="all")
    comparisons = serializers.IntegerField(
        required=False, allow_null=True, help_text='For "uncertain": how many pairs to make.'
    )
    prompt_filter = serializers.DictField(
        required=False, help_text='{"languages": […], "tags": […], "limit": n}'
    )
    filters = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="keep, mark or drop, by what was found.",
    )
    against = serializers.ListField(
        child=serializers.CharField(max_length=500),
        required=False,
        help_text="Models whose completions are there: paired with the new ones.",
    )
    budget_calls = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    budget_cost = serializers.DecimalField(
        required=False, allow_null=True, max_digits=14, decimal_places=6
    )
    keeps_raw = serializers.BooleanField(
        default=False, help_text="Keep each answer as the provider sent it, too."
    )


class BudgetSerializer(KnownFieldsMixin[Any]):
    """Caps of a run."""

    budget_calls = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    budget_cost = serializers.DecimalField(
        required=False, allow_null=True, max_digits=14, decimal_places=6
    )


class RangeSerializer(serializers.Serializer[Any]):
    """A figure and its bounds."""

    expected = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class VariantEstimateSerializer(serializers.Serializer[Any]):
    """One model's share. `is_measured`: from its own earlier answers, else a bound."""

    position = serializers.IntegerField()
    name = serializers.CharField()
    completions = serializers.IntegerField()
    calls = serializers.FloatField()
    input_tokens = serializers.FloatField()
    output_tokens = RangeSerializer()
    cost = RangeSerializer(allow_null=True)
    currency = serializers.CharField()
    seconds = serializers.FloatField(allow_null=True)
    is_measured = serializers.BooleanField()


class EstimateSerializer(serializers.Serializer[Any]):
    """What a run would take. Null is what nobody knows yet."""

    prompts = serializers.IntegerField()
    completions = serializers.IntegerField()
    calls = serializers.FloatField()
    input_tokens = serializers.FloatField()
    output_tokens = RangeSerializer()
    cost = RangeSerializer(allow_null=True)
    currency = serializers.CharField()
    seconds = serializers.FloatField(allow_null=True)
    is_over_budget = serializers.BooleanField()
    variants = VariantEstimateSerializer(many=True)


class ModelFiguresSerializer(serializers.Serializer[Any]):
    """How fast a model goes and what it cost."""

    position = serializers.IntegerField()
    tokens_per_second = serializers.FloatField()
    median_ms = serializers.FloatField(allow_null=True)
    seconds_left = serializers.FloatField(allow_null=True)
    cost = serializers.DecimalField(max_digits=14, decimal_places=6, allow_null=True)


class LeftOutSerializer(serializers.Serializer[Any]):
    """A filter, and how many completions make no pairs for it."""

    filter = serializers.CharField()
    count = serializers.IntegerField()


class FiguresSerializer(serializers.Serializer[Any]):
    """The run's speed over the last minute, by model, and what its filters left out."""

    tokens_per_second = serializers.FloatField()
    models = ModelFiguresSerializer(many=True)
    left_out = LeftOutSerializer(many=True)

    @classmethod
    def told(cls, figures: RunFigures, progress: RunProgress) -> Any:
        """The figures as they are answered."""
        models = []
        for one in progress.endpoints:
            used = one.endpoint
            own = figures.models.get((used.endpoint_id, bytes(used.params_key)), ModelFigures())
            models.append(
                {
                    "position": used.position,
                    "tokens_per_second": own.tokens_per_second,
                    "median_ms": own.median_ms,
                    "seconds_left": own.seconds_left,
                    "cost": own.cost,
                }
            )
        return cls(
            {
                "tokens_per_second": figures.tokens_per_second,
                "models": models,
                "left_out": [{"filter": name, "count": count} for name, count in figures.left_out],
            }
        ).data
