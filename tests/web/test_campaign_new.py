"""A campaign made with the builder: from scratch, from a template, as another one is set up."""

import io
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from labeling.actions.imports import run_import
from labeling.actions.jobs import start_job
from labeling.campaign_templates import TEMPLATES
from labeling.models import Campaign, Job, Membership
from tests import factories
from tests.web.building import open_campaign, publish
from tests.web.building_forms import sent
from tests.web.visiting import as_, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return factories.user(of=factories.organisation(), role="owner")


def test_a_new_campaign_with_everything_said(owner):
    client = as_(owner)
    assert "New campaign" in page(client, "campaigns")
    given = sent(
        page(client, "campaign_new"),
        name="Round four",
        description="A try\r\nof two lines",
        scale="4",
        tie="on",
        both_bad=None,
        rationale="required",
        min_rationale_chars="20",
        clauses="on",
        overlap="2",
        lease_minutes="12.5",
        languages="en, nb",
        qualification="*own",
        gold_rate="7.5",
        daily_cap="80",
        pause_rule="on",
        pause_seconds="12",
        budget="900",
        pay_per_hour="21.5",
        currency="nok",
        gold_bar="85",
        criteria__0__label="Helpful",
        criteria__0__help="does what was asked",
        skills__0__name="python",
        skills__0__level="80",
        arms__0__name="slow",
        arms__0__mode="paced",
        arms__0__tokens_per_second="12",
    )
    response = client.post(reverse("campaign_new"), given)
    made = Campaign.objects.get(name="Round four")
    assert response["Location"] == reverse("campaign_settings", args=[made.slug])
    assert (made.state, made.overlap, made.created_by) == ("draft", 2, owner)
    assert (made.description, made.lease_seconds) == ("A try\nof two lines", 750)
    assert made.schema["scale"] == 4
    assert made.schema["both_bad"] is False
    assert made.schema["clauses"] is True
    assert made.schema["min_rationale_chars"] == 20
    assert made.schema["criteria"] == [
        {"key": "helpful", "label": "Helpful", "help": "does what was asked"}
    ]
    (arm,) = made.presentation["arms"]
    assert (arm["name"], arm["mode"], arm["tokens_per_second"]) == ("slow", "paced", 12)
    assert arm["lock_until_shown"] is True
    asked = made.requirements
    assert asked["skills"] == {"python": 0.8}
    assert asked["languages"] == ["en", "nb"]
    assert asked["qualification"] == made.slug
    assert (asked["gold_rate"], asked["daily_cap"]) == (0.075, 80)
    policy = made.policy
    assert (policy["budget"], policy["pay_per_hour"], policy["currency"]) == (900, 21.5, "NOK")
    assert policy["gold_bar"] == 0.85
    assert policy["pause_rule"] == {"in_a_row": 9, "seconds": 12}
    assert Membership.objects.filter(campaign=made, user=owner, role="owner").exists()
    assert "Needs a look" in page(client, "campaign_settings", made.slug)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_a_template_fills_the_form_and_brings_its_guidelines(owner, template):
    client = as_(owner)
    shown = page(client, "campaign_new", start=f"template:{template.key}")
    client.post(reverse("campaign_new"), sent(shown, name="From it"))
    made = Campaign.objects.get()
    assert made.overlap == template.overlap
    assert made.schema["scale"] == template.schema["scale"]
    assert [one["label"] for one in made.schema["criteria"]] == [
        one["label"] for one in template.schema["criteria"]
    ]
    for name, value in template.requirements.items():
        assert made.requirements[name] == value, name
    for name, value in template.policy.items():
        assert made.policy[name] == value, name
    version = made.guidelines.get()
    assert version.number == 1
    assert version.body == template.guidelines
    assert len(version.examples) == len(template.examples)


def test_a_template_without_its_guidelines(owner):
    client = as_(owner)
    shown = page(client, "campaign_new", start="template:code")
    client.post(reverse("campaign_new"), sent(shown, name="Bare", with_guidelines=None))
    assert not Campaign.objects.get().guidelines.exists()


def test_a_campaign_of_mine_is_cloned_with_what_is_changed_on_the_way(owner):
    organisation = owner.organisations.get()
    source = open_campaign(2, of=organisation, policy={"budget": 70}, overlap=2)
    publish(source, "## T1 Truth\n\nNo lies.")
    client = as_(owner)
    shown = page(client, "campaign_new", start=f"clone:{source.slug}")
    given = sent(shown, name="Again", with_comparisons="1", overlap="4")
    client.post(reverse("campaign_new"), given)
    made = Campaign.objects.get(name="Again")
    assert made.cloned_from == source
    assert (made.overlap, made.policy["budget"]) == (4, 70)
    assert made.schema == Campaign.objects.get(pk=source.pk).schema
    assert made.comparisons.count() == 2
    assert made.guidelines.get().body == "## T1 Truth\n\nNo lies."


def test_a_campaign_of_another_organisation_is_not_there_to_clone(owner):
    other = factories.campaign(name="Secret harbour")
    client = as_(owner)
    assert "Secret harbour" not in page(client, "campaign_new")
    shown = page(client, "campaign_new", start=f"clone:{other.slug}")
    assert "Secret harbour" not in shown
    client.post(reverse("campaign_new"), sent(shown, name="Mine", start=f"clone:{other.slug}"))
    assert Campaign.objects.get(name="Mine").cloned_from is None


@pytest.mark.django_db(transaction=True)
def test_a_file_is_read_once_the_draft_is_there_and_its_bad_lines_are_told(owner):
    client = as_(owner)
    file = io.BytesIO(b'{"prompt": "Say hello", "completions": ["Hi", "Hello"]}\n{"promt": "x"}\n')
    file.name = "two.jsonl"
    given = sent(page(client, "campaign_new"), name="With a file") | {"file": file}
    response = client.post(reverse("campaign_new"), given)
    job = Job.objects.get(kind="import")
    made = Campaign.objects.get()
    address = reverse("campaign_settings", args=[made.slug])
    assert response["Location"] == f"{address}?import={job.public_id}#prompts"
    assert job.imported_file.kind == "comparisons"
    run_import(job=start_job(job_id=job.pk))
    shown = client.get(response["Location"].partition("#")[0]).content.decode()
    assert "two.jsonl" in shown
    assert "promt" in shown


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "", "required"),
        ("slug", "taken", "exists"),
        ("slug", "new", "taken by a page"),
        ("slug", "not a slug", "valid"),
        ("overlap", "0", "greater than or equal to 1"),
        ("scale", "5", "valid choice"),
        ("gold_rate", "101", "less than or equal to 100"),
        ("criteria-0-label", "x" * 200, "at most 120 characters"),
        ("arms-0-tokens_per_second", "1e309", "Enter a number"),
        ("currency", "12", "match"),
        ("pause_in_a_row", "2", "greater than or equal to 3"),
        ("criteria-TOTAL_FORMS", "zz", "ManagementForm data is missing"),
    ],
)
def test_a_form_that_cannot_be_used_says_where_and_why(owner, field, value, says):
    factories.campaign(slug="taken")
    client = as_(owner)
    given = sent(page(client, "campaign_new"), name="N") | {field: value}
    response = client.post(reverse("campaign_new"), given)
    assert response.status_code == 422
    assert says in response.content.decode()
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"arms__0__name": "y", "arms__0__mode": "paced"}, "A paced arm needs"),
        ({"arms__0__name": "y", "arms__0__weight": "-1"}, "Expected `float` &gt; 0"),
        (
            {"pause_rule": "on", "pause_in_a_row": "3", "pause_seconds": "500"},
            "would pause almost everybody",
        ),
        ({"criteria__1__label": "Same", "criteria__0__label": "same"}, "the same name"),
    ],
)
def test_what_the_action_refuses_stands_beside_its_field(owner, typed, says):
    client = as_(owner)
    given = sent(page(client, "campaign_new"), name="N", **typed)
    if "criteria-1-label" in given:
        given["criteria-TOTAL_FORMS"] = "2"
    response = client.post(reverse("campaign_new"), given)
    assert response.status_code == 422
    assert says in response.content.decode()
    assert not Campaign.objects.exists()


def test_one_more_row_keeps_what_was_typed_and_stores_nothing(owner):
    client = as_(owner)
    given = sent(page(client, "campaign_new"), criteria__0__label="Helpful", more="criteria")
    response = client.post(reverse("campaign_new"), given)
    assert response.status_code == 200
    again = sent(response.content.decode())
    assert again["criteria-TOTAL_FORMS"] == "2"
    assert again["criteria-0-label"] == "Helpful"
    assert not Campaign.objects.exists()


def test_the_preview_is_the_raters_own_dock_and_stores_nothing(owner):
    client = as_(owner)
    given = sent(
        page(client, "campaign_new"),
        scale="4",
        criteria__0__label="Zest",
        rationale="required",
        min_rationale_chars="33",
        absolute_quality="on",
        overlap="4",
        planned="250",
        pay_per_hour="30",
    )
    response = client.post(reverse("campaign_new_preview"), given)
    assert response.status_code == 200, response.content
    shown = response.content.decode()
    assert "A better" in shown
    assert "A much better" not in shown
    assert "Zest" in shown
    assert "At least 33 characters" in shown
    assert "A by itself" in shown
    assert "1,000 judgments" in shown
    assert "EUR" in shown
    assert 'hx-swap-oob="true"' in shown
    assert not Campaign.objects.exists()
    # Nothing is previewed of what cannot be read.
    broken = client.post(reverse("campaign_new_preview"), given | {"overlap": "x"})
    assert "Put right what is marked" in broken.content.decode()


@pytest.mark.parametrize("name", ["Twice", "二度"])
def test_a_second_click_leads_to_the_draft_that_the_first_one_made(owner, name):
    client = as_(owner)
    given = sent(page(client, "campaign_new"), name=name, overlap="2")
    first, again = (client.post(reverse("campaign_new"), given) for _ in range(2))
    made = Campaign.objects.get()
    assert first["Location"] == again["Location"] == reverse("campaign_settings", args=[made.slug])
    # What differs is another campaign, and so is anybody else's.
    other = as_(factories.user(of=owner.organisations.get(), role="manager"))
    for visitor, typed in ((client, given | {"overlap": "3"}), (other, given)):
        response = visitor.post(reverse("campaign_new"), typed)
        assert response.status_code == 422
        assert "A campaign with this slug exists" in response.content.decode()
    Campaign.objects.update(created_at=Now() - timedelta(minutes=2))
    assert client.post(reverse("campaign_new"), given).status_code == 422
    assert Campaign.objects.count() == 1


def test_a_file_that_is_refused_is_so_before_the_draft_is_made(owner, settings):
    settings.IMPORT_MAX_BYTES = 10
    client = as_(owner)
    given = sent(page(client, "campaign_new"), name="With a file")
    response = client.post(
        reverse("campaign_new"), given | {"file": io.BytesIO(b'{"prompt": "too long"}')}
    )
    assert response.status_code == 422
    shown = response.content.decode()
    assert "At most 10 bytes" in shown
    assert 'value="With a file"' in shown
    assert not Campaign.objects.exists()
    made = factories.campaign(of=owner.organisations.get(), by=owner, state="draft")
    given = sent(page(client, "campaign_settings", made.slug), name="Renamed")
    response = client.post(
        reverse("campaign_settings", args=[made.slug]),
        given | {"file": io.BytesIO(b'{"prompt": "too long"}')},
    )
    assert response.status_code == 422
    assert "At most 10 bytes" in response.content.decode()
    made.refresh_from_db()
    assert made.name != "Renamed"
    assert not Job.objects.exists()


def test_who_may_not_start_a_campaign(owner):
    member = factories.user(of=owner.organisations.get(), role="member")
    for name in ("campaign_new", "campaign_new_preview"):
        assert as_(member).post(reverse(name), {"name": "N"}).status_code in {403, 404}
    assert not Campaign.objects.exists()
