"""The Celery application: `celery -A workers.app worker`. The row is the queue, Celery the bell."""

import os

from celery import Celery

from workers.schedule import BEAT_SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("thurstone")
app.config_from_object("django.conf:settings", namespace="CELERY")
# One module per errand; a new one is added here and, if it runs by the clock, to schedule.py.
app.conf.imports = (
    "workers.audit",
    "workers.generation",
    "workers.imports",
    "workers.judges",
    "workers.quality",
    "workers.metrics",
    "workers.notifications",
    "workers.raters",
    "workers.rating",
    "workers.retention",
    "workers.rounds",
    "workers.routing",
    "workers.snapshots",
    "workers.tallies",
)
app.conf.beat_schedule = BEAT_SCHEDULE
