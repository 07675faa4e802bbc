"""The instance: settings, addresses, processes. Celery's app is loaded with it, so that any
process that has settings can ring a worker."""

from workers.app import app as celery_app

__all__ = ["celery_app"]
