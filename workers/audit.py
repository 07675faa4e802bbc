"""What keeps the audit honest: seals over what was recorded, and a daily look at them."""

from celery import shared_task

from labeling.actions.audit_seals import check_audit, seal_audit


@shared_task(expires=60)
def sweep_audit() -> None:
    """Seal what was recorded since the last seal."""
    while seal_audit():
        pass


@shared_task(expires=3600)
def check_seals() -> None:
    """Compute every seal anew, and record whether all fit."""
    check_audit()
