"""The page of the ranking, from judgments read back from the database."""

import csv
import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from django.urls import reverse

from labeling.models import Campaign, Comparison, Judgment, Report, Round
from tests import factories
from tests.web.visiting import as_, page
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db

STRENGTH = {"fir": 0.9, "oak": 0.0, "yew": -0.8}
TABLES = (
    *("plain", "controlled", "styles", "other-models", "firmness", "rounds"),
    *("by-tag", "by-language", "by-round"),
)


def study(campaign: Campaign, items: int, *, wins: Callable[[float], float]) -> list[Comparison]:
    """Two raters on items of three models, two tags, two languages and two rounds."""
    random = np.random.default_rng(8)
    seats = [factories.rater(campaign) for _ in range(2)]
    rounds = [
        Round.objects.create(
            campaign=campaign, number=n, overlap=2, seed=n, anchor="oak" if n == 1 else ""
        )
        for n in (1, 2)
    ]
    prompts = [
        factories.prompt(
            campaign,
            tags=["odd"] if k % 2 else ["even", "all", *(["rare"] if k % 10 == 0 else [])],
            language=language,
        )
        for k, language in enumerate(["en", "en", "de", ""] * (items // 4))
    ]
    names = sorted(STRENGTH)
    made, judgments = [], []
    for k, prompt in enumerate(prompts):
        one, other = (names[n] for n in random.choice(3, 2, replace=False))
        texts = ["word " * int(random.integers(5, 60)) + f"{k} {n}" for n in (one, other)]
        pair = factories.comparison(
            campaign, *texts, models=(one, other), prompt=prompt, round=rounds[k * 2 // items]
        )
        made.append(pair)
        chance = wins(STRENGTH[one] - STRENGTH[other])
        for seat in seats:
            said = "tie" if random.random() < 0.15 else "ab"[int(random.random() > chance)]
            judgments.append(
                Judgment(
                    campaign=campaign,
                    comparison=pair,
                    rater=seat.rater,
                    preference=said,
                    shown_left="ab"[int(random.integers(2))],
                )
            )
    Judgment.objects.bulk_create(judgments)
    return made


@pytest.fixture
def campaign() -> Campaign:
    made = factories.campaign(overlap=2)
    study(made, 80, wins=lambda gap: float(1 / (1 + np.exp(-2 * gap))))
    return made


def test_boards_styles_ways_and_parts_stand_on_the_page(campaign: Campaign) -> None:
    body = compute_report(campaign).body
    section = body["rankings"]
    assert section["judgment_count"] == 160 and section["is_connected"]
    assert [row["model"] for row in body["leaderboard"]] == ["fir", "oak", "yew"]
    # The plain board of the style section is the leaderboard: every text is known.
    plain = {row["model"]: row["plain_elo"] for row in section["style"]["rows"]}
    for row in body["leaderboard"]:
        assert plain[row["model"]] == pytest.approx(row["elo"], abs=1e-6)
    assert {one["style"] for one in section["style"]["coefficients"]} == {"length", "side"}
    assert section["style"]["left_out"].keys() == {"headers", "bold", "lists"}
    parts = {
        kind: {row["value"]: row for row in found["rows"]}
        for kind, found in section["parts"].items()
    }
    assert {kind: sorted(rows) for kind, rows in parts.items()} == {
        "tag": ["all", "even", "odd", "rare"],
        "language": ["de", "en"],
        "round": ["1", "2"],
    }
    assert parts["language"]["en"]["item_count"] == 40
    assert parts["language"]["de"]["judgment_count"] == 40
    assert parts["tag"]["even"]["board"] == parts["tag"]["all"]["board"]
    assert parts["round"]["1"]["item_count"] + parts["round"]["2"]["item_count"] == 80
    said = page(
        as_(factories.member(campaign, "researcher")),
        "campaign_report_page",
        campaign.slug,
        "ranking",
    )
    for words in (
        *("Style-controlled board", "What style adds", "Davidson’s ν", "Rao–Kupper’s η"),
        *("are enough to take away for", "oak is the anchor", "Fewer than 20 items", "Too few"),
        "No coefficient for headings, bold and lists: The two answers never differ in it.",
    ):
        assert words in said
    assert said.count('class="chart"') == 2
    ids = re.findall(r'\bid="([^"]+)"', said)
    assert len(ids) == len(set(ids))
    assert "nan" not in said.lower().replace("financ", "")


def test_every_table_and_chart_can_be_taken_away(campaign: Campaign) -> None:
    client = as_(factories.member(campaign, "reviewer"))
    body = compute_report(campaign).body
    rows = {}
    for table in TABLES:
        address = reverse("campaign_report_table", args=[campaign.slug, "ranking", table])
        content = b"".join(client.get(address)).decode()
        rows[table] = list(csv.DictReader(io.StringIO(content)))
        assert rows[table], table
    assert [row["model"] for row in rows["plain"]] == ["fir", "oak", "yew"]
    assert {row["way"] for row in rows["other-models"]} == {"davidson", "rao_kupper", "bootstrap"}
    taken = sum(int(row["of_these"]) for row in rows["firmness"] if row["upper"] == "fir")
    assert taken == body["rankings"]["flips"]["rows"][0]["count"]
    for chart in ("boards", "rounds"):
        address = reverse("campaign_report_chart", args=[campaign.slug, "ranking", chart])
        assert client.get(address).content.startswith(b"<svg")


def test_known_answers_judges_and_second_votes_stay_out(campaign: Campaign) -> None:
    before = compute_report(campaign).body
    pair = campaign.comparisons.order_by("pk")[0]
    judge = factories.judge(campaign, "spruce")
    Judgment.objects.create(campaign=campaign, comparison=pair, rater=judge.rater, preference="a")
    after = compute_report(campaign).body
    assert after["rankings"] == before["rankings"]


def test_without_enough_the_page_says_why() -> None:
    made = factories.campaign(overlap=1)
    seat = factories.rater(made)
    pair = factories.comparison(made, models=("fir", "oak"))
    Judgment.objects.create(campaign=made, comparison=pair, rater=seat.rater, preference="a")
    compute_report(made)
    client = as_(factories.member(made, "manager"))
    said = page(client, "campaign_report_page", made.slug, "ranking")
    assert "Not all models are connected by wins" in said
    assert "The prompts have no tags." in said and "fewer than two languages" in said
    assert "their order rests on a prior" in said
    assert "No model of ties" in said and "No bootstrap" in said
    report = Report.objects.get()
    assert report.body["rankings"]["components"] == [["fir"], ["oak"]]
