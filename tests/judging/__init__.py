"""Judgments for tests, made through the product's own actions."""

from collections.abc import Mapping, Sequence

from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.models import Campaign, Comparison
from tests import factories


def judged(campaign: Campaign, answers: Mapping[str, Sequence[str]]) -> list[Comparison]:
    """New comparisons judged by new raters; `answers` has each one's preference on each, in order.

    The campaign's overlap must be the number of raters, so that everyone meets everything.
    """
    size = len(next(iter(answers.values())))
    comparisons = factories.open_comparisons(campaign, size)
    place = {comparison.pk: k for k, comparison in enumerate(comparisons)}
    for name, given in answers.items():
        seat = factories.rater(campaign, name)
        while assignment := claim_assignment(rater=seat.rater, campaign=campaign):
            side = assignment.side(given[place[assignment.comparison_id]])
            answer = {"side": side, "client": {"active_ms": 4000}}
            submit_judgment(rater=seat.rater, assignment_id=assignment.public_id, answer=answer)
    return comparisons
