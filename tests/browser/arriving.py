"""A campaign whose texts arrive over time, a clock that a test turns, and what is to be seen."""

from typing import Any

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.rounds import open_waiting
from labeling.models import Campaign
from tests import factories
from tests.web.building import SCHEMA

PLAIN = SCHEMA | {"criteria": []}
# One token a word: a hundred of them on either side.
HUNDRED = " ".join(f"w{number:03}" for number in range(100))
RICH = """# One heading

The first *paragraph* has `code`, a [link](https://example.org) and **weight**.

```python
def wait(tries):
    return [2 ** n for n in range(tries)]
```

| Retry | Wait |
|---|--:|
| 0 | 1 s |

- one item
- another, with $w_n = 2^n$ in it

1. مرحبا هذه إجابة **قصيرة** تماما
2. 今日は天気がいいから散歩しましょう

> The last words.
"""


def arriving_campaign(left: str = HUNDRED, right: str = HUNDRED, count: int = 1, **arm: Any) -> Any:
    """A campaign with this one arm and `count` comparisons: `left` and `right`, or the reverse."""
    arms = [{"name": "zq-arm", "mode": "paced", "tokens_per_second": 10} | arm]
    campaign: Campaign = factories.campaign(schema=PLAIN, presentation={"arms": arms})
    for number in range(count):
        factories.comparison(campaign, left, f"{right}\n", prompt_text=f"Question {number}?")
    open_waiting(campaign=campaign, by=None)
    return campaign


def still(page: Page) -> None:
    """From now on time passes in the page only as `page.clock` is turned."""
    page.clock.install(time=0)
    page.clock.pause_at(1000)


def bench(page: Page, live_server: LiveServer, slug: str) -> None:
    page.goto(f"{live_server.url}/rate/{slug}/")
    expect(page.locator("form.work")).to_be_visible()


def seen(page: Page, side: str) -> str:
    """The text of a side as it can be seen now."""
    text: str = page.locator(f"#{side} > .prose").inner_text()
    return text


def words(page: Page, side: str) -> int:
    return len(seen(page, side).split())


def is_locked(page: Page) -> bool:
    return page.locator(".dock[data-locked]").count() > 0
