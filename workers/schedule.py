"""What runs by the clock. Every entry may run late, twice or never: the next run makes it good."""

from typing import Any

# A run that was not taken before the next is due is worth nothing.
BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "reports": {
        "task": "workers.metrics.refresh_reports",
        "schedule": 3.0,
        "options": {"expires": 3.0},
    },
    # A judgment is to be on the board within 5 s: its page asks every 2 s.
    "board": {
        "task": "workers.tallies.count_items",
        "schedule": 1.0,
        "options": {"expires": 1.0},
    },
    # Rows from before the columns: none in a new house, and soon none in an old one.
    "styles": {
        "task": "workers.metrics.sweep_styles",
        "schedule": 30.0,
        "options": {"expires": 30.0},
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
    "judges": {
        "task": "workers.judges.sweep_judges",
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
    "mail": {
        "task": "workers.notifications.send_mail",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
    "digests": {
        "task": "workers.notifications.send_digests",
        "schedule": 1800.0,
        "options": {"expires": 600.0},
    },
    "retention": {
        "task": "workers.retention.sweep_retention",
        "schedule": 3600.0,
        "options": {"expires": 600.0},
    },
    "audit": {"task": "workers.audit.sweep_audit", "schedule": 60.0, "options": {"expires": 60.0}},
    "seals": {
        "task": "workers.audit.check_seals",
        "schedule": 86_400.0,
        "options": {"expires": 3600.0},
    },
    "skills": {
        "task": "workers.raters.refresh_skills",
        "schedule": 3600.0,
        "options": {"expires": 600.0},
    },
    "pauses": {
        "task": "workers.quality.pause_by_rules",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "gold": {
        "task": "workers.quality.doubt_gold",
        "schedule": 1800.0,
        "options": {"expires": 600.0},
    },
    "rounds": {
        "task": "workers.rounds.settle_recent",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "next_pairs": {
        "task": "workers.rounds.choose_next_pairs",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "rounds_thoroughly": {
        "task": "workers.rounds.settle_all",
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
    "routing": {
        "task": "workers.routing.route_comparisons",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "judge_audits": {
        "task": "workers.routing.watch_audits",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "arrivals": {
        "task": "workers.imports.open_arrivals",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
}
