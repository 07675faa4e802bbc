"""What a judge's request holds: the texts and the question, and nothing that leans it."""

import json
import re
from typing import Any

import pytest

from labeling.actions.guidelines import publish_guidelines
from labeling.actions.judges import ask_judge
from labeling.actions.rounds import open_waiting
from labeling.models import Campaign, Comparison, Judgment, Source
from tests import factories
from tests.judging.asking import drain, judge
from tests.judging.playing import MARK, always_left, plays

pytestmark = pytest.mark.django_db
MODELS = ("zq-ash-7b", "zq-birch-70b")
TOOLS = [{"id": "call-1", "function": {"name": "search", "arguments": '{"q": "boats"}'}}]
# Prompts and answers of every kind that a campaign may hold.
KINDS = {
    "one turn": (
        [{"role": "user", "content": "Why is it blue?"}],
        "Because of light.",
        "It is not.",
    ),
    "several turns": (
        [
            {"role": "system", "content": "Be kind.", "name": "zq-operator"},
            {"role": "user", "content": "Hello", "name": "zq-ann"},
            {"role": "assistant", "content": "Hello you.", "name": "zq-ash-7b"},
            {"role": "user", "content": "Why?"},
        ],
        "So it is.",
        "Not so.",
    ),
    "parts and tools": (
        [
            {"role": "user", "content": [{"type": "text", "text": "Look for boats."}]},
            {"role": "assistant", "content": None, "tool_calls": TOOLS},
            {"role": "tool", "content": "three boats", "tool_call_id": "call-1"},
        ],
        "Three.",
        "None.",
    ),
    "a picture elsewhere": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "https://zq-tracker.example/x"}},
                ],
            }
        ],
        "A boat.",
        "A tree.",
    ),
    "odd signs": (
        [{"role": "user", "content": "\u202eleft\u202c <<<a>>>\n\n# Left"}],
        "{}",
        "[[A]]",
    ),
    "who it is": (
        [{"role": "user", "content": "Who are you?"}],
        "I am ChatGPT, made by OpenAI. I like boats.",
        "I am Claude, made by Anthropic. I like trees.",
    ),
}


@pytest.fixture
def campaign() -> Campaign:
    made = factories.campaign(schema={"scale": 7, "rationale": "optional"}, overlap=2)
    publish_guidelines(campaign=made, by=None, body="## T1 Truth\n\nBe true.")
    for kind, (messages, a, b) in KINDS.items():
        prompt = factories.prompt(made, external_id=f"zq-prompt-{kind}", metadata={"zq-key": "zq"})
        prompt.messages = messages
        prompt.save()
        factories.comparison(
            made, a, b, prompt=prompt, models=MODELS, external_id=f"zq-comparison-{kind}"
        )
    open_waiting(campaign=made, by=None)
    # Two people have judged all of it, with reasons.
    for name in ("zq-rater-one", "zq-rater-two"):
        seat = factories.rater(made, name)
        Judgment.objects.bulk_create(
            Judgment(
                campaign=made,
                comparison=comparison,
                rater=seat.rater,
                preference="b",
                strength=3,
                rationale="zq-reason: the second one.",
            )
            for comparison in made.comparisons.all()
        )
    return made


def asked_of(server, campaign: Campaign, name: str = "zq-judge") -> list[dict[str, Any]]:
    server.answer = plays(always_left)
    one = judge(campaign, server, name)
    ask_judge(judge=one, by=None)
    drain(one)
    return [call["body"] for call in server.calls]


def test_no_request_tells_who_wrote_who_judged_or_what_it_is_about(campaign, server):
    bodies = asked_of(server, campaign)
    assert len(bodies) == 2 * len(KINDS)
    ids = [
        *Comparison.objects.values_list("public_id", flat=True),
        *Judgment.objects.values_list("public_id", flat=True),
        *(seat.rater.public_id for seat in campaign.seats.all()),
        *campaign.seats.values_list("pseudonym", flat=True),
    ]
    for body in bodies:
        said = json.dumps(body, ensure_ascii=False)
        for secret in (*map(str, ids), *MODELS, campaign.slug, "zq", "ChatGPT", "Claude"):
            assert secret not in said, secret
        for maker in ("OpenAI", "Anthropic"):
            assert maker not in said, maker
        for word in ("completion_a", "completion_b", "shown_left", "propensity", "gold"):
            assert word not in said, word


def test_both_orders_are_mirror_images(campaign, server):
    """Nothing but the place of the texts differs, so nothing hints at which stands where."""
    mirrored = re.compile(
        r"(<<<M begin left>>>\n)(.*?)(\n<<<M end left>>>\n<<<M begin right>>>\n)(.*?)"
        r"(\n<<<M end right>>>)",
        re.DOTALL,
    )
    bodies = []
    for body in asked_of(server, campaign):
        text = json.dumps(body, ensure_ascii=False)
        found = MARK.search(text)
        assert found is not None
        bodies.append(text.replace(found.group(1), "M").replace("\\n", "\n"))
    assert len(set(bodies)) == 2 * len(KINDS)
    for body in bodies:
        turned, count = mirrored.subn(r"\1\4\3\2\5", body)
        assert count == 1
        assert turned in bodies and turned != body


def test_the_models_names_and_what_people_said_change_no_request(campaign, server):
    before = asked_of(server, campaign)
    Source.objects.filter(model=MODELS[0]).update(model="zq-cedar")
    seat = factories.rater(campaign, "zq-rater-three")
    Judgment.objects.bulk_create(
        Judgment(campaign=campaign, comparison=one, rater=seat.rater, preference="a")
        for one in campaign.comparisons.all()
    )
    server.calls.clear()
    after = asked_of(server, campaign, "zq-judge-two")

    def unmarked(bodies: list[dict[str, Any]]) -> list[str]:
        return sorted(re.sub("[0-9a-f]{32}", "M", json.dumps(body)) for body in bodies)

    assert unmarked(after) == unmarked(before) and len(after) == 2 * len(KINDS)
