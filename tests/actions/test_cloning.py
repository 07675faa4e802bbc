"""A campaign set up as another one is, and a draft that is deleted."""

import pytest

from labeling.actions.campaigns import delete_campaign, update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.cloning import clone_campaign
from labeling.actions.raters import suspend_rater
from labeling.actions.rating import submit_judgment
from labeling.errors import ConflictError, InvalidInputError
from labeling.models import AuditEvent, Campaign, Completion, Judgment, Membership, Prompt, Token
from tests import factories
from tests.web.building import add_gold, open_campaign, publish

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source():
    campaign = open_campaign(
        2,
        overlap=2,
        policy={"budget": 90, "pay_per_hour": 20},
        requirements={"daily_cap": 7},
        presentation={"arms": [{"name": "slow", "mode": "paced", "tokens_per_second": 9}]},
    )
    add_gold(campaign)
    publish(campaign, "## T1 Truth\n\nNo lies.")
    seat = factories.rater(campaign)
    claimed = claim_assignment(rater=seat.rater, campaign=campaign)
    said = {"side": "left", "criteria": {"helpful": "left", "truthful": "left"}}
    submit_judgment(rater=seat.rater, assignment_id=claimed.public_id, answer=said)
    return campaign


def test_a_clone_has_the_settings_and_the_newest_guidelines_and_no_judgment(source):
    person = factories.user(of=source.organisation, role="manager")
    made = clone_campaign(source=source, by=person, name="Next", overlap=3)
    assert (made.state, made.slug, made.cloned_from, made.overlap) == ("draft", "next", source, 3)
    for field in ("schema", "presentation", "requirements", "policy", "lease_seconds"):
        assert getattr(made, field) == getattr(source, field), field
    assert made.pseudonym_key != source.pseudonym_key
    version = made.guidelines.get()
    assert (version.number, version.body) == (1, "## T1 Truth\n\nNo lies.")
    assert not made.comparisons.exists()
    assert not made.prompts.exists()
    assert not made.judgments.exists()
    assert list(made.memberships.values_list("user", "role")) == [(person.pk, "owner")]
    assert AuditEvent.objects.filter(campaign=made, verb="campaign.cloned").count() == 1


def test_texts_and_known_answers_come_along_when_asked(source):
    before = Judgment.objects.count()
    made = clone_campaign(source=source, by=None, name="Next", with_comparisons=True)
    pairs = list(made.comparisons.order_by("pk"))
    assert len(pairs) == source.comparisons.count() == 3
    for old, new in zip(source.comparisons.order_by("pk"), pairs, strict=True):
        assert new.public_id != old.public_id
        assert new.round is None
        assert new.prompt.messages == old.prompt.messages
        assert new.completion_a.messages == old.completion_a.messages
        assert new.completion_b.source.model == old.completion_b.source.model
        assert new.completion_b.source.campaign_id == made.pk
        assert hasattr(new, "gold") == hasattr(old, "gold")
    update_campaign(campaign=made, by=None, state="active")
    seat = factories.rater(made)
    assert claim_assignment(rater=seat.rater, campaign=made) is not None
    assert Judgment.objects.count() == before


def test_raters_come_along_but_for_those_who_are_paused(source):
    kept = factories.rater(source)
    paused = factories.rater(source)
    suspend_rater(campaign=source, rater=paused.rater, by=None)
    made = clone_campaign(source=source, by=None, name="Next", with_raters=True)
    people = set(Membership.objects.filter(campaign=made, role="rater").values_list("user", flat=1))
    assert kept.rater.user_id in people
    assert paused.rater.user_id not in people
    assert not made.seats.exists()


def test_a_taken_address_leaves_nothing_behind(source):
    with pytest.raises(ConflictError):
        clone_campaign(source=source, by=None, name="X", slug=source.slug, with_comparisons=True)
    assert Campaign.objects.count() == 1
    assert Prompt.objects.count() == source.prompts.count()


def test_a_draft_is_deleted_with_all_in_it_and_its_events_stay(source):
    person = factories.user(of=source.organisation, role="manager")
    made = clone_campaign(source=source, by=person, name="Next", with_comparisons=True)
    factories.token(person, "read")
    token = Token.objects.get(user=person)
    token.campaigns.add(made)
    pk = made.pk
    with pytest.raises(InvalidInputError) as refused:
        delete_campaign(campaign=made, by=person, slug="nxt")
    assert refused.value.problems[0].field == "sure"
    delete_campaign(campaign=made, by=person, slug="next")
    assert list(Campaign.objects.all()) == [source]
    assert Completion.objects.exclude(prompt__campaign=source).count() == 0
    assert source.comparisons.count() == 3
    assert AuditEvent.objects.filter(campaign_id=pk).exists()
    assert AuditEvent.objects.get(verb="campaign.deleted").details == {"slug": "next"}
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_what_was_opened_or_judged_is_not_deleted(source):
    with pytest.raises(ConflictError):
        delete_campaign(campaign=source, by=None, slug=source.slug)
    assert Campaign.objects.filter(pk=source.pk).exists()
