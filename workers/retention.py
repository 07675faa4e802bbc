"""What is forgotten by the clock."""

from celery import shared_task

from labeling.actions.retention import forget_telemetry_by_policy, forget_what_is_old


@shared_task(expires=3600)
def sweep_retention() -> None:
    """Forget what its time is over for."""
    forget_what_is_old()
    forget_telemetry_by_policy()
