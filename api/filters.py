"""Filters by allow-list: a query parameter that a list does not know is refused, not ignored."""

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

PAGING = {"cursor", "page_size"}


class AllowListedFilters(DjangoFilterBackend):  # type: ignore[misc]
    """django-filter, strict: only a view's own filters and its `extra_parameters` exist."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        known = (
            PAGING
            | set(getattr(view, "filterset_fields", ()))
            | set(getattr(getattr(view, "filterset_class", None), "base_filters", ()))
            | set(getattr(view, "extra_parameters", ()))
        )
        if unknown := sorted(set(request.query_params) - known):
            raise ValidationError(
                {
                    name: f"Unknown here; this list knows {', '.join(sorted(known))}."
                    for name in unknown
                }
            )
        return super().filter_queryset(request, queryset, view)
