"""Processes of the web tier die at any moment: no ack is lost, no slot, no rater."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from labeling.models import Assignment, Judgment
from tests import factories
from tests.concurrency.crowd import check_queue, taken_of_each

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def database_url() -> str:
    at = connection.settings_dict
    user, password, host = (
        quote(str(at[key] or ""), safe="") for key in ("USER", "PASSWORD", "HOST")
    )
    port = f":{at['PORT']}" if at["PORT"] else ""
    return f"postgres://{user}{f':{password}' if password else ''}@{host}{port}/{at['NAME']}"


def test_a_campaign_is_judged_exactly_while_processes_are_killed(tmp_path):
    campaign = factories.campaign(overlap=3, lease_seconds=1)
    factories.open_comparisons(campaign, 150)
    raters = [factories.rater(campaign).rater for _ in range(12)]
    acks = tmp_path / "acks"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.concurrency.rating_processes",
            *(str(campaign.pk), str(acks), "45"),
            *(str(rater.pk) for rater in raters),
        ],
        cwd=Path(settings.BASE_DIR),
        env=os.environ | {"DATABASE_URL": database_url(), "THURSTONE_TESTS": "running"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 5, "too quick to have been disturbed"
    assert not Assignment.objects.filter(ended_at=None).exists()
    assert set(taken_of_each(campaign).values()) == {3}
    stored = {str(pk) for pk in Judgment.objects.values_list("public_id", flat=True)}
    assert len(stored) == 450
    assert set(acks.read_text().split()) <= stored
    check_queue(campaign, most=3)
