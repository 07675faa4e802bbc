"""The page of groups: what it says, and that a small group is nowhere."""

import csv
import io
import json

import pytest
from django.urls import reverse

from labeling.models import Campaign, Demographics, Rater, Seat, Skill
from labeling.queries.outcomes import outcomes
from labeling.queries.voter_groups import attributes_of
from labeling.web.report_groups import SECTION
from tests import factories
from tests.judge_rows import people_say
from tests.web.visiting import as_, page
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db

HERE = "campaign_report_page"
WEE = "zq-canary-wee"
TABLES = ("boards", "gaps", "items", "rules", "labels", "disagreement", "clauses")


def with_groups(*, parted: int = 3, **sizes: int) -> Campaign:
    """Raters in groups on eight comparisons; on `parted` of them "dawn" says a, and nobody else."""
    campaign = factories.campaign(overlap=1)
    groups = [name.replace("_", "-") for name, size in sizes.items() for _ in range(size)]
    seats = Seat.objects.bulk_create(
        Seat(
            rater=Rater.objects.create(organisation=campaign.organisation),
            campaign=campaign,
            pseudonym=f"seat-{k:02d}",
            groups={} if name == "none" else {"shift": name},
        )
        for k, name in enumerate(groups)
    )
    for k in range(8):
        said = [
            ("a" if name == "dawn" else "b") if k < parted else "ab"[(k + n) % 3 == 0]
            for n, name in enumerate(groups)
        ]
        people_say(seats, factories.comparison(campaign, prompt_text=f"Prompt no. {k}"), said)
    return campaign


def downloads(campaign: Campaign, person: str = "researcher") -> str:
    client = as_(factories.member(campaign, person))
    texts = [page(client, HERE, campaign.slug, "groups")]
    texts.append(page(client, "campaign_report_print", campaign.slug))
    for table in TABLES:
        address = reverse("campaign_report_table", args=[campaign.slug, "groups", table])
        response = client.get(address)
        assert response.status_code == 200, table
        texts.append(b"".join(response.streaming_content).decode())  # type: ignore[attr-defined]
    return "\n".join(texts)


def test_a_group_of_four_is_in_no_key_no_page_and_no_file() -> None:
    campaign = with_groups(dawn=7, dusk=7, zq_canary_wee=4, none=2)
    report = compute_report(campaign)
    body = json.dumps(report.body)
    assert WEE not in body
    (row,) = report.body["groups"]
    assert [(one["group"], one["raters"]) for one in row["groups"]] == [("dawn", 7), ("dusk", 7)]
    # The four and the two who are in no group are told apart nowhere.
    assert row["others"] == {"raters": 6, "judgment_count": 48} and row["is_withheld"]
    said = downloads(campaign)
    assert WEE not in said
    assert "fewer than 5 raters with judgments" in said
    assert "6 raters with 48 judgments are in no group shown here" in said


def test_a_small_group_does_not_follow_from_the_whole_less_the_others() -> None:
    campaign = with_groups(dawn=7, dusk=6, noon=5, zq_canary_wee=4)
    (row,) = compute_report(campaign).body["groups"]
    assert [one["group"] for one in row["groups"]] == ["dawn", "dusk"]
    assert row["others"]["raters"] == 9
    said = page(as_(factories.member(campaign, "reviewer")), HERE, campaign.slug, "groups")
    assert "noon" not in said and WEE not in said


def test_the_policy_may_ask_for_larger_groups() -> None:
    campaign = with_groups(dawn=6, dusk=6)
    campaign.policy = {"smallest_group": 7}
    campaign.save()
    (row,) = compute_report(campaign).body["groups"]
    assert row["why"] and "groups" not in row
    said = page(as_(factories.member(campaign, "reviewer")), HERE, campaign.slug, "groups")
    assert "dawn" not in said and "No attribute has two groups large enough" in said


def test_boards_items_and_rules_stand_beside_one_another() -> None:
    campaign = with_groups(dawn=6, dusk=6)
    (row,) = compute_report(campaign).body["groups"]
    assert (row["items"]["tested"], row["items"]["found"]) == (8, 3)
    assert {one["rule"] for one in row["rules"]["labels"]["rows"]} == {
        "pooled",
        "balanced",
        "maximin",
    }
    client = as_(factories.member(campaign, "manager"))
    said = page(client, HERE, campaign.slug, "groups")
    for text in ("Boards by group", "dawn", "6 raters", "Where groups differ", "Prompt no. 1"):
        assert text in said
    for text in ("Rules side by side", "Worst-off group", "Taste and noise", "Guideline clauses"):
        assert text in said
    first = row["items"]["rows"][0]
    link = reverse("campaign_comparison", args=[campaign.slug, first["comparison_id"]])
    assert f'href="{link}"' in said
    assert "8 items that raters of two groups judged" in said
    chart = client.get(reverse("campaign_report_chart", args=[campaign.slug, "groups", "gaps"]))
    assert chart.status_code == 200 and "dawn above dusk" in chart.content.decode()
    answer = client.get(reverse("campaign_report_table", args=[campaign.slug, "groups", "items"]))
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["comparison_id"] == first["comparison_id"]
    assert float(rows[0]["value"]) == pytest.approx(first["difference"]["value"])


def test_sides_are_those_of_the_comparison_itself() -> None:
    campaign = with_groups(dawn=6, dusk=6)
    (row,) = compute_report(campaign).body["groups"]
    before = {one["comparison_id"]: one for one in row["items"]["rows"]}
    turned = campaign.comparisons.get(public_id=next(iter(before)))
    type(turned).objects.filter(pk=turned.pk).update(is_turned=True)
    (row,) = compute_report(campaign).body["groups"]
    after = next(o for o in row["items"]["rows"] if o["comparison_id"] == str(turned.public_id))
    one = before[str(turned.public_id)]
    assert after["model_a"] == one["model_a"]
    assert {g["group"]: (g["mean"], g["n"]) for g in after["groups"]} == {
        g["group"]: (g["mean"], g["n"]) for g in one["groups"]
    }
    for mine, theirs in zip(after["groups"], one["groups"], strict=True):
        assert mine["share_a"] == pytest.approx(theirs["share_a"])


def test_another_attribute_is_chosen_and_an_unknown_one_is_the_first() -> None:
    campaign = with_groups(dawn=6, dusk=6)
    for k, seat in enumerate(campaign.seats.order_by("pk")):
        Skill.objects.create(
            rater=seat.rater, name="Python", level=0.9, source="granted"
        ) if k % 2 else None
    compute_report(campaign)
    client = as_(factories.member(campaign, "researcher"))
    assert "Boards by shift" in page(client, HERE, campaign.slug, "groups")
    assert "Boards by skill python" in page(
        client, HERE, campaign.slug, "groups", by="skill python"
    )
    assert "Boards by shift" in page(client, HERE, campaign.slug, "groups", by="no such")
    said = page(client, HERE, campaign.slug, "groups", by="skill python")
    assert "?by=skill+python" in said and 'scope="colgroup"' in said
    address = reverse("campaign_report_chart", args=[campaign.slug, "groups", "gaps"])
    drawn = client.get(address, {"by": "skill python"})
    assert "between groups by skill python" in drawn.content.decode()


def test_what_raters_say_of_themselves_is_kept_apart_from_their_judgments() -> None:
    campaign = with_groups(dawn=6, dusk=6)
    for k, rater in enumerate(Rater.objects.filter(seats__campaign=campaign)):
        Demographics.objects.create(rater=rater, answers={"age": ("18_29", "30_44")[k % 2]})
    body = json.dumps(compute_report(campaign).body)
    assert "18_29" not in body and '"age"' not in body


def test_skills_that_are_only_declared_make_no_group() -> None:
    campaign = with_groups(dawn=2, dusk=2, parted=0)
    seats = list(campaign.seats.order_by("pk"))
    Skill.objects.create(rater=seats[0].rater, name="law", level=1, source="declared")
    Skill.objects.create(rater=seats[1].rater, name=" Law ", level=0.5, source="gold")
    Rater.objects.filter(pk=seats[2].rater.pk).update(languages=["de", "en"])
    Rater.objects.filter(pk=seats[3].rater.pk).update(languages=["en"])
    read = outcomes(campaign)
    found = attributes_of(campaign, read.rater_keys, [True] * 4)
    by = {(one.kind, one.name): list(one.groups) for one in found}
    order = [read.rater_keys.index(seat.rater.pk) for seat in seats]
    assert set(by) == {("noted", "shift"), ("skill", "law"), ("language", "de")}
    assert [by["skill", "law"][k] for k in order] == ["not noted", "yes", "not noted", "not noted"]
    assert [by["language", "de"][k] for k in order] == ["", "", "yes", "not noted"]


def test_a_campaign_without_groups_says_so() -> None:
    campaign = with_groups(none=3, parted=0)
    report = compute_report(campaign)
    assert report.body["groups"] == [] and report.body["why"]["groups"]
    said = page(as_(factories.member(campaign, "researcher")), HERE, campaign.slug, SECTION.name)
    assert "Nothing tells the raters apart" in said and "rater_groups" in said


def test_raters_see_none_of_it() -> None:
    campaign = with_groups(dawn=5, dusk=5, parted=0)
    compute_report(campaign)
    rater = factories.rater(campaign).rater.user
    assert rater is not None
    address = reverse(HERE, args=[campaign.slug, "groups"])
    assert as_(rater).get(address).status_code == 404
