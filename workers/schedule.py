"""What runs by the clock. Every entry may run late, twice or never: the next run makes it good."""

from typing import Any

# A run that was not taken before the next is due is worth nothing.
BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "reports": {
        "task": "workers.metrics.refresh_reports",
        "schedule": 3.0,
        "options": {"expires": 3.0},
    },
    "leases": {
        "task": "workers.rating.sweep_leases",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    # Not on the queue of the calls, which may all be waiting for an answer.
    "generation": {
        "task": "workers.generation.sweep_generation",
        "schedule": 10.0,
        "options": {"expires": 10.0, "queue": "default"},
    },
    "jobs": {"task": "workers.rating.sweep_jobs", "schedule": 30.0, "options": {"expires": 30.0}},
    "answers": {
        "task": "workers.rating.sweep_answers",
        "schedule": 3600.0,
        "options": {"expires": 600.0},
    },
    "drafts": {
        "task": "workers.rating.sweep_drafts",
        "schedule": 3600.0,
        "options": {"expires": 600.0},
    },
    "uploads": {
        "task": "workers.imports.sweep_uploads",
        "schedule": 3600.0,
        "options": {"expires": 600.0},
    },
    "arrivals": {
        "task": "workers.imports.open_arrivals",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
}
