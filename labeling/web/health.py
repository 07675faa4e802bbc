"""Whether the server lives, whether it can serve, and what a monitor wants to know."""

from collections.abc import Callable

from django.core.cache import caches
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from labeling.queries.health import queue_figures


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "live"})


def _database() -> None:
    connection.ensure_connection()


def _migrations() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise DatabaseError("migrations are waiting")


def _broker() -> None:
    # The cache itself forgives a missing server; readiness asks the server.
    caches["default"]._cache.get_client(None).ping()  # type: ignore[attr-defined]


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
}


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when every part answers; 503 with the names of those that do not."""
    parts = {}
    for name, check in CHECKS.items():
        try:
            check()
            parts[name] = "ok"
        except (DatabaseError, RedisError, OSError):
            parts[name] = "away"
    is_ready = set(parts.values()) == {"ok"}
    response = JsonResponse(
        {"status": "ready" if is_ready else "not ready", "parts": parts},
        status=200 if is_ready else 503,
    )
    if not is_ready:
        response["Retry-After"] = "5"
    return response


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text: sizes and ages, no names."""
    lines = []
    for name, (help_text, value) in queue_figures().items():
        lines += [f"# HELP thurstone_{name} {help_text}", f"# TYPE thurstone_{name} gauge"]
        lines.append(f"thurstone_{name} {value}")
    return HttpResponse(
        "\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8"
    )
