"""Lists in pages: `{"next", "previous", "results"}`, by cursor, the same speed on every page."""

import uuid
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param


class CursorPagination(BasePagination):
    """Rows in the order they were made. A cursor is the public id of the row it starts after.

    A leading "-" means the page before that row. Internal ids never leave. The row is looked for
    among those of the view, whatever its filters: a foreign one is as unknown as none. A view
    whose rows leave its list has `cursor_rows`, in which they stay.
    """

    page_size = 100
    max_page_size = 1000

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        size = self._size(request)
        cursor = request.query_params.get("cursor", "")
        is_backwards = cursor.startswith("-")
        if cursor:
            start = self._start(view, cursor.removeprefix("-"))
            queryset = queryset.filter(**{"pk__lt" if is_backwards else "pk__gt": start})
        rows = list(queryset.order_by("-pk" if is_backwards else "pk")[: size + 1])
        has_more = len(rows) > size
        rows = rows[:size]
        if is_backwards:
            rows.reverse()
        self.next = rows[-1] if rows and (is_backwards or has_more) else None
        self.previous = rows[0] if rows and (has_more if is_backwards else cursor) else None
        self.url = request.build_absolute_uri()
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "next": self._link(f"{self.next.public_id}") if self.next else None,
                "previous": self._link(f"-{self.previous.public_id}") if self.previous else None,
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string"},
                "description": "From `next` or `previous` of another page.",
            },
            {
                "name": "page_size",
                "in": "query",
                "schema": {"type": "integer", "minimum": 1, "maximum": self.max_page_size},
            },
        ]

    def _link(self, cursor: str) -> str:
        return replace_query_param(remove_query_param(self.url, "cursor"), "cursor", cursor)

    def _size(self, request: Request) -> int:
        text = request.query_params.get("page_size", str(self.page_size))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= self.max_page_size):
            raise ValidationError({"page_size": f"A whole number from 1 to {self.max_page_size}."})
        return int(text)

    def _start(self, view: Any, text: str) -> int:
        try:
            public_id = uuid.UUID(text)
        except ValueError:
            raise ValidationError({"cursor": "Not a cursor of this list."}) from None
        rows: QuerySet[Any] = getattr(view, "cursor_rows", view.get_queryset)()
        start = rows.filter(public_id=public_id).values_list("pk").first()
        if start is None:
            raise ValidationError({"cursor": "This cursor is of a row that is gone; start anew."})
        return int(start[0])
