"""`…/prompts/`, `…/completions/`, `…/comparisons/`: what of a campaign a reader asks for."""

import uuid

import pytest

from labeling.actions.rounds import open_round
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    """Two rounds of one comparison each, and one that waits; three models."""
    campaign = factories.campaign()
    for models in (("oak", "elm"), ("elm", "fir")):
        factories.comparison(campaign, models=models)
        open_round(campaign=campaign, by=None)
    factories.comparison(campaign, models=("oak", "fir"))
    return campaign


@pytest.fixture
def ask(call_as, campaign):
    call = call_as(factories.member(campaign, "researcher"), "read")
    return lambda query: call.get(f"campaigns/{campaign.slug}/{query}")


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_comparisons_are_found_by_round_prompt_and_model_on_either_side(ask, campaign):
    one, two, waiting = campaign.comparisons.order_by("pk")
    for query, found in (
        ("", [one, two, waiting]),
        ("round=1", [one]),
        ("round=2", [two]),
        ("round=3", []),
        (f"prompt={two.prompt.public_id}", [two]),
        (f"prompt={uuid.uuid4()}", []),
        ("model=oak", [one, waiting]),
        ("model=fir", [two, waiting]),
        ("model=OAK", []),
        ("model=oak&round=1", [one]),
        ("model=oak&round=2", []),
    ):
        assert ids(ask(f"comparisons/?{query}")) == [str(row.public_id) for row in found], query


def test_completions_are_found_by_prompt_and_model(ask, campaign):
    one = campaign.comparisons.earliest("pk")
    a, b = one.completion_a, one.completion_b
    assert ids(ask(f"completions/?prompt={one.prompt.public_id}")) == [
        str(a.public_id),
        str(b.public_id),
    ]
    found = ask("completions/?model=elm").json()["results"]
    assert [row["model"] for row in found] == ["elm", "elm"]
    assert ids(ask(f"completions/?model=elm&prompt={one.prompt.public_id}")) == [str(b.public_id)]


def test_pages_keep_to_the_filter(ask, call_as, campaign):
    first = ask("comparisons/?model=oak&page_size=1").json()
    assert [row["model_a"] for row in first["results"]] == ["oak"]
    rest = call_as(factories.member(campaign, "researcher"), "read").get(first["next"]).json()
    assert [(row["model_a"], row["model_b"]) for row in rest["results"]] == [("oak", "fir")]
    assert rest["next"] is None


@pytest.mark.parametrize(
    "query",
    [
        *("round=1.5", "round=one", "round=NaN", "round=1e400", "prompt=1", "model=%00"),
        *("round__number=1", "source__model=oak", "completion_a__source__model=oak"),
        *("is_gold=1", "selection_policy=x"),
    ],
)
def test_a_filter_that_is_none_is_refused_by_name(ask, query):
    answer = ask(f"comparisons/?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_a_number_beyond_all_rounds_finds_none(ask):
    assert ids(ask(f"comparisons/?round={'9' * 40}")) == []


def test_a_prompt_of_another_campaign_finds_what_an_unknown_one_finds(ask):
    foreign = factories.comparison(factories.campaign())
    for below in ("comparisons", "completions"):
        there = ask(f"{below}/?prompt={foreign.prompt.public_id}")
        none = ask(f"{below}/?prompt={uuid.uuid4()}")
        assert there.json() == none.json() == {"next": None, "previous": None, "results": []}


def test_the_schema_names_the_filters(client):
    document = client.get("/api/v1/schema/").content.decode()
    listed = document.partition("/api/v1/campaigns/{slug}/comparisons/:")[2].partition(
        "responses:"
    )[0]
    for name in ("round", "prompt", "model"):
        assert f"name: {name}\n" in listed
