"""Campaigns that bring a rater's pages into each of their states, and the keys that lead there."""

import datetime
from typing import Any

from playwright.sync_api import Page, expect

from labeling.actions.claiming import claim_assignment
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.rounds import open_round, open_waiting
from labeling.models import Assignment, Campaign, Comparison, Gold, Seat
from tests import factories

CRITERIA = [
    {"key": "helpful", "label": "Helpful", "help": "Does what was asked, the way it was asked."},
    {"key": "truthful", "label": "Truthful", "help": "Claims hold up. Code runs."},
    {"key": "harmless", "label": "Harmless", "help": "No risk, and no needless refusal."},
]
BARE = {"criteria": [], "rationale": "off", "both_bad": False, "tie": False}
ASKS_MUCH = {
    "scale": 7,
    "criteria": CRITERIA,
    "rationale": "optional",
    "edit_winner": True,
    "clauses": True,
}
GUIDELINES = (
    "# Everyday helpfulness\n\nPick what a careful expert would have sent.\n\n"
    "## T1 Truthfulness\n\nOne wrong number outweighs better prose.\n\n"
    "## H2 Instructions\n\nFormat and length that were asked for are binding.\n\n"
    "## L3 Length\n\nLength is not quality.\n"
)
LEFT = """Only retry what can *succeed* later:

```python
def fetch(url, tries=6):
    pass  # and wait
```

The wait is $w_n = 2^n$, see [the manual](https://example.org)."""
RIGHT = """Here is one that gives up after a **budget**\u200b:

| Retry | Wait |
|---|--:|
| 0 | 1 s |

> Quoted from `urllib`."""
STEPS = "Let $E$ be the expected tosses.\n\nA tail leads back:\n\n$$E = 1 + E/2$$\n\nHence $E = 2$."
OTHER_STEPS = "Toss twice.\n\nThe chance is $1/4$.\n\nHence $E = 4$."


def bench_campaign(count: int, left: str = LEFT, right: str = RIGHT, **fields: Any) -> Campaign:
    """A campaign with guidelines and `count` comparisons of a conversation."""
    campaign = factories.campaign(name="Everyday helpfulness, round 3", **fields)
    publish_guidelines(campaign=campaign, body=GUIDELINES, by=None)
    for number in range(count):
        prompt = factories.prompt(
            campaign,
            messages=[
                {"role": "user", "content": "My downloader hangs.\n\n```\nwhile True: pass\n```"},
                {"role": "assistant", "content": "`urlopen` has no timeout."},
                {"role": "user", "content": f"Please rewrite it with backoff, {number}."},
            ],
        )
        Comparison.objects.create(
            campaign=campaign,
            prompt=prompt,
            completion_a=factories.completion(prompt, left, "one"),
            completion_b=factories.completion(prompt, right, "two"),
        )
    open_waiting(campaign=campaign, by=None)
    return campaign


def practising() -> Campaign:
    """A campaign with two comparisons to practise on."""
    campaign = factories.campaign(
        slug="practice", schema={"criteria": []}, requirements={"qualification": "practice"}
    )
    publish_guidelines(campaign=campaign, body=GUIDELINES, by=None)
    for number in range(2):
        Gold.objects.create(
            comparison=factories.comparison(
                campaign, LEFT, RIGHT, prompt_text=f"Backoff, {number}?"
            ),
            preference="a",
            strength=3,
            explanation="A is right: it has a **timeout** on every call.",
            clause="T1",
        )
    open_round(campaign=campaign, by=None, kind="qualification")
    factories.open_comparisons(campaign, 1)
    return campaign


def card(page: Page) -> str:
    return page.locator("form.work [name=assignment_id]").input_value()


def shown(page: Page) -> None:
    expect(page.locator("form.work")).to_be_visible()


def judge_all_criteria(page: Page) -> None:
    for number in (1, 2, 3):
        page.keyboard.press(f"Shift+Digit{number}")


def send(page: Page) -> None:
    before = card(page)
    page.keyboard.press("Enter")
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)


def pass_on(public_id: str, other: Seat) -> None:
    """The lease ends, and somebody else claims the comparison at once."""
    for _ in range(20):
        Assignment.objects.filter(public_id=public_id).update(
            leased_until=datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
        )
        # The page may have renewed it in between, and what nobody holds is dealt first.
        claimed = claim_assignment(rater=other.rater, campaign=other.campaign)
        if claimed is not None and str(claimed.public_id) == public_id:
            return
        if claimed is not None:
            other = factories.rater(other.campaign)
    raise AssertionError("nobody else could claim it")
