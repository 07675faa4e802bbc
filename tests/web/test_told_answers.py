"""The rater's page of told answers: what it says of each, at a cost that does not grow."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeling.actions.claiming import claim_assignment
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.models import Gold
from tests import factories
from tests.web.building import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def test_clause_titles_are_read_once_and_without_the_guidelines_text() -> None:
    campaign = factories.campaign(slug="trained", requirements={"qualification": "trained"})
    body = "# Guide\n\n## T1 Truthfulness\n\nOne wrong claim loses."
    publish_guidelines(campaign=campaign, body=body, by=None)
    for _ in range(5):
        Gold.objects.create(
            comparison=factories.comparison(campaign), preference="a", strength=2, clause="T1"
        )
    open_round(campaign=campaign, by=None, kind="qualification")
    seat = factories.rater(campaign)
    client, url = signed_in(seat), reverse("rate_answers", args=[campaign.slug])
    client.get(url)
    counts = {}
    for number in range(1, 6):
        item = claim_assignment(rater=seat.rater, campaign=campaign)
        assert item is not None
        submit_judgment(
            rater=seat.rater, assignment_id=item.public_id, answer={"side": item.side("b")}
        )
        with CaptureQueriesContext(connection) as asked:
            html = client.get(url).content.decode()
        assert html.count("T1 Truthfulness") == number
        counts[number] = len(asked)
    of_guidelines = [one["sql"] for one in asked if "guidelineversion" in one["sql"]]
    assert [sql for sql in of_guidelines if '"clauses"' in sql and '"body"' in sql] == []
    assert counts[5] == counts[1], counts
