"""Small simulated campaigns for tests: planted, judged through the real queue, reported on."""

from typing import Any

from labeling.management.simulating import Course, Simulated, simulate
from labeling.models import Organisation
from labeling.simulation.planted import Wishes, plant
from tests import factories


def simulated(
    slug: str = "sim",
    *,
    of: Organisation | None = None,
    course: Course | None = None,
    **wishes: Any,
) -> Simulated:
    """A campaign of 4 models, 24 items of 3 votes and 6 raters, unless `wishes` say otherwise."""
    small: dict[str, Any] = {"models": 4, "items": 24, "votes": 3, "raters": 6}
    planted = plant(Wishes(**(small | wishes)), name=slug)
    return simulate(planted, organisation=of or factories.organisation(), slug=slug, course=course)
