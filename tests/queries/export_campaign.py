"""A small campaign with one of everything an export must keep, turn or leave out."""

import uuid
from datetime import UTC, datetime
from typing import Any

from labeling.models import (
    Campaign,
    Comparison,
    Gold,
    GuidelineVersion,
    Judgment,
    Rater,
    Round,
    Withdrawal,
)
from tests import factories

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def judge(comparison: Comparison, rater: Rater, preference: str, **fields: Any) -> Judgment:
    """A stored judgment, as an import would have made it."""
    if "strength" not in fields:
        fields["strength"] = 0 if preference in ("tie", "both_bad") else 1
    return Judgment.objects.create(
        campaign=comparison.campaign,
        comparison=comparison,
        rater=rater,
        preference=preference,
        judged_at=fields.pop("judged_at", NOON),
        **fields,
    )


def same_ids(number: int) -> uuid.UUID:
    """A public id that a test may spell out."""
    return uuid.UUID(int=number)


def small_campaign(**fields: Any) -> Campaign:
    """Two production comparisons and a gold one: 7 standing judgments, a judge's among them.

    Sky: ann a (3), bob a (1), cat tie. Sea: ann b (2) and again, hidden, a (1); the judge a (1).
    Gold: bob b (1). Beside them one superseded judgment (bob on Sky) and one withdrawn (cat).
    """
    campaign = factories.campaign(slug="small", **fields)
    opened = Round.objects.create(campaign=campaign, number=4, overlap=3, seed=1)
    version = GuidelineVersion.objects.create(
        campaign=campaign, number=2, body="# H1 Help", published_at=NOON
    )
    ann, bob, cat = (factories.rater(campaign, name) for name in ("ann", "bob", "cat"))
    ann.groups = {"country": "NL"}
    ann.save()
    for seat, name in ((ann, "r-ann"), (bob, "r-bob"), (cat, "r-cat")):
        seat.pseudonym = name
        seat.save()
    endpoint_judge = factories.judge(campaign, "Judge")
    endpoint_judge.pseudonym = "r-judge"
    endpoint_judge.save()
    sky = factories.comparison(
        campaign,
        "Blue \\ “blue” \u2028.",
        "Green.",
        prompt=factories.prompt(campaign, "Sky?", external_id="p-sky"),
        external_id="sky",
        round=opened,
        selection_policy="uncertain",
        propensity=0.25,
    )
    sky.completion_a.marks = ["identifies_itself"]
    sky.completion_a.save()
    sea = factories.comparison(
        campaign,
        "Salt.",
        "Sweet.",
        prompt=factories.prompt(campaign, "Sea?", public_id=same_ids(1)),
        public_id=same_ids(2),
    )
    known = factories.comparison(campaign, "Four.", "Five.", prompt_text="Two and two?")
    Gold.objects.create(comparison=known, preference="a", strength=3)
    judge(
        sky,
        ann.rater,
        "a",
        strength=3,
        external_id="j1",
        shown_left="b",
        presentation_arm="paced",
        guideline_version=version,
        clauses=["H1"],
        criteria={"helpful": "b"},
        quality_a=4,
        rationale="Clear,\nand “right”.",
        edited={"side": "a", "text": "Bluer."},
        steps={"a": [1]},
        active_ms=1500,
    )
    first = judge(sky, bob.rater, "b", strength=2, external_id="j2")
    judge(sky, bob.rater, "a", strength=1, external_id="j3", supersedes=first)
    judge(sky, cat.rater, "tie", external_id="j4")
    judge(sea, ann.rater, "b", strength=2, public_id=same_ids(3), assignment=None)
    judge(sea, ann.rater, "a", external_id="j6", is_repeat=True)
    judge(sea, endpoint_judge.rater, "a", external_id="j7", strength=None)
    withdrawn = judge(sea, cat.rater, "a", external_id="j8")
    Withdrawal.objects.create(judgment=withdrawn, reason="by mistake")
    judge(known, bob.rater, "b", external_id="j9")
    return campaign
