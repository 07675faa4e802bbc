"""Qualification on the pages: practice with feedback, what comes of it, and who is told what."""

import pytest
from django.test import Client
from django.urls import reverse

from labeling.actions.claiming import claim_assignment
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.raters import add_member
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.models import Appeal, Assignment, AuditEvent, Campaign, Gold, Judgment, Seat
from tests import factories
from tests.web.building import SCHEMA, answer, assignment_of, signed_in
from tests.web.visiting import as_

pytestmark = pytest.mark.django_db(transaction=True)


def practising(count: int = 2, *, slug: str = "trained") -> Campaign:
    """An active seven-step campaign that asks for its own qualification of `count` items."""
    campaign = factories.campaign(slug=slug, schema=SCHEMA, requirements={"qualification": slug})
    publish_guidelines(
        campaign=campaign, body="# Guide\n\n## T1 Truthfulness\n\nOne wrong claim loses.", by=None
    )
    for number in range(count):
        Gold.objects.create(
            comparison=factories.comparison(campaign, f"First {number}", f"Second {number}"),
            preference="a",
            strength=3,
            explanation=f"A is right for reason **{number}**.",
            clause="T1",
        )
    open_round(campaign=campaign, by=None, kind="qualification")
    factories.open_comparisons(campaign, 1)
    return campaign


def side_of_a(html: str) -> str:
    """Where completion a, the expected winner, stands on the page."""
    return Assignment.objects.get(public_id=assignment_of(html)).side("a")


def post(client: Client, campaign: Campaign, verdict: str) -> str:
    """Answer the page's comparison and follow to what comes next; its HTML."""
    url = reverse("rate", args=[campaign.slug])
    html = client.get(url).content.decode()
    side = side_of_a(html)
    other = {"left": "right", "right": "left"}[side]
    said = verdict.replace("wanted", side).replace("other", other)
    response = client.post(url, answer(html, verdict=said), follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_after_each_answer_stand_the_expected_one_why_and_the_clause() -> None:
    campaign = practising()
    seat = factories.rater(campaign)
    client = signed_in(seat)
    first = client.get(reverse("rate", args=[campaign.slug])).content.decode()
    assert "Practice </span>1 of 2" in first
    told = post(client, campaign, "wanted:1")
    assert "You saw it as expected" in told
    assert "reason <strong>0</strong>" in told
    assert "T1 Truthfulness" in told
    assert "1 of 1 right" in told
    assert "Expected winner" in told
    told = post(client, campaign, "other:2")
    assert "was expected to go to" in told
    assert "That was the last one: 1 of 2 as expected; it takes 2." in told


def test_a_step_away_is_called_close() -> None:
    campaign = practising()
    Gold.objects.update(strength=1)
    told = post(signed_in(factories.rater(campaign)), campaign, "tie:0")
    assert "Close: one step away" in told


def test_passing_leads_on_to_the_work() -> None:
    campaign = practising(1)
    seat = factories.rater(campaign)
    client = signed_in(seat)
    told = post(client, campaign, "wanted:3")
    assert "You have passed." in told
    seat.refresh_from_db()
    assert seat.qualified_at is not None
    html = client.get(reverse("rate", args=[campaign.slug])).content.decode()
    # Practice is not among the day's work.
    assert "0 today" in html
    # What was practised on is not undone.
    assert 'id="undo" hidden' in html
    assert client.get(reverse("undo", args=[campaign.slug])).status_code == 409


def test_who_did_not_pass_is_told_kindly_and_shown_where_to_read() -> None:
    campaign = practising(1)
    client = signed_in(factories.rater(campaign))
    post(client, campaign, "other:3")
    html = client.get(reverse("rate", args=[campaign.slug])).content.decode()
    assert "Thank you for practising" in html
    assert reverse("rate_answers", args=[campaign.slug]) in html
    notes = client.get(reverse("rate_answers", args=[campaign.slug])).content.decode()
    assert "reason <strong>0</strong>" in notes


def test_another_campaigns_qualification_is_named_with_the_way_to_it() -> None:
    school = practising(1, slug="school")
    work = factories.campaign(of=school.organisation, requirements={"qualification": "school"})
    factories.open_comparisons(work, 1)
    seat = factories.rater(work)
    client = signed_in(seat)
    html = client.get(reverse("rate", args=[work.slug])).content.decode()
    assert f"“{school.name}”" in html
    assert "ask its manager to let you in" in html
    assert seat.rater.user is not None
    add_member(campaign=school, user=seat.rater.user, role="rater", by=None)
    html = client.get(reverse("rate", args=[work.slug])).content.decode()
    assert reverse("rate", args=["school"]) in html


class TestWhoIsToldWhat:
    def told_address(self, judgment: Judgment) -> str:
        return reverse("rate_feedback", args=[judgment.campaign.slug, judgment.public_id])

    def test_gold_is_told_only_when_it_gives_nothing_away(self) -> None:
        campaign = factories.campaign(requirements={"gold_rate": 1.0})
        gold = Gold.objects.create(
            comparison=factories.comparison(campaign), preference="a", explanation="canary"
        )
        factories.open_comparisons(campaign, 1)
        seat = factories.rater(campaign)
        assignment = claim_assignment(rater=seat.rater, campaign=campaign)
        assert assignment is not None
        assert assignment.ordinal is None
        judgment = submit_judgment(
            rater=seat.rater, assignment_id=assignment.public_id, answer={"side": "tie"}
        ).judgment
        judgment = Judgment.objects.get(public_id=judgment.public_id)
        client = signed_in(seat)
        assert client.get(self.told_address(judgment)).status_code == 404
        answers = reverse("rate_answers", args=[campaign.slug])
        assert "canary" not in client.get(answers).content.decode()
        gold.retired_at = "2026-01-01T00:00Z"
        gold.save()
        assert "canary" in client.get(self.told_address(judgment)).content.decode()
        gold.retired_at = None
        gold.save()
        # A completed campaign may be opened again, and what was judged in it changed.
        Campaign.objects.filter(pk=campaign.pk).update(state="completed")
        assert client.get(self.told_address(judgment)).status_code == 404
        assert "canary" not in client.get(answers).content.decode()
        assert answers not in client.get(reverse("rate_home")).content.decode()
        Campaign.objects.filter(pk=campaign.pk).update(state="archived")
        assert "canary" in client.get(answers).content.decode()

    def test_nobody_is_told_of_anothers_answer(self) -> None:
        campaign = practising()
        one, other = factories.rater(campaign), factories.rater(campaign)
        post(signed_in(one), campaign, "other:2")
        judgment = Judgment.objects.get(rater=one.rater)
        assert signed_in(one).get(self.told_address(judgment)).status_code == 200
        for person in (
            signed_in(other),
            as_(factories.member(campaign, "manager")),
            as_(factories.user(of=campaign.organisation)),
        ):
            assert person.get(self.told_address(judgment)).status_code == 404
            appeal = reverse("rate_appeal", args=[campaign.slug, judgment.public_id])
            assert person.post(appeal, {"reason": "No."}).status_code == 404


class TestAppeals:
    def appealed(self) -> tuple[Campaign, Seat, Appeal]:
        campaign = practising(2)
        seat = factories.rater(campaign)
        client = signed_in(seat)
        post(client, campaign, "other:2")
        post(client, campaign, "wanted:2")
        judgment = Judgment.objects.filter(rater=seat.rater).earliest("pk")
        address = reverse("rate_appeal", args=[campaign.slug, judgment.public_id])
        empty = client.post(address, {"reason": "  "})
        assert empty.status_code == 422
        assert "Say in a sentence or two" in empty.content.decode()
        long = client.post(address, {"reason": "Long. " * 400}, headers={"Accept-Language": "fr"})
        assert long.status_code == 422
        assert "Long. Long." in long.content.decode()
        assert "2000 caractères" in long.content.decode()
        sent = client.post(address, {"reason": "B cites a source."}, follow=True)
        assert "Your appeal waits" in sent.content.decode()
        again = client.post(address, {"reason": "Another reason."})
        assert again.status_code == 409
        assert "Another reason." in again.content.decode()
        return campaign, seat, Appeal.objects.get()

    def test_an_upheld_appeal_retires_the_answer_and_lets_its_rater_pass(self) -> None:
        campaign, seat, appeal = self.appealed()
        manager = as_(factories.member(campaign, "manager"))
        page = manager.get(reverse("campaign_raters", args=[campaign.slug])).content.decode()
        assert "B cites a source." in page
        decide = reverse("campaign_appeal", args=[campaign.slug, appeal.public_id])
        assert manager.post(decide, {"decision": "upheld", "answer": "You are right."}).status_code
        appeal.refresh_from_db()
        assert appeal.state == "upheld"
        assert Gold.objects.filter(retired_at__isnull=False).count() == 1
        verbs = set(AuditEvent.objects.values_list("verb", flat=True))
        assert {"appeal.made", "appeal.decided", "gold.retired"} <= verbs
        notes = signed_in(seat).get(reverse("rate_answers", args=[campaign.slug]))
        assert "You are right." in notes.content.decode()
        assert claim_assignment(rater=seat.rater, campaign=campaign) is not None
        seat.refresh_from_db()
        assert seat.qualified_at is not None

    def test_a_declined_appeal_needs_words_and_changes_nothing(self) -> None:
        campaign, _, appeal = self.appealed()
        manager = as_(factories.member(campaign, "manager"))
        decide = reverse("campaign_appeal", args=[campaign.slug, appeal.public_id])
        wordless = manager.post(decide, {"decision": "declined", "answer": ""})
        assert wordless.status_code == 422
        assert "Tell the rater why" in wordless.content.decode()
        long = manager.post(decide, {"decision": "declined", "answer": "Much. " * 400})
        assert long.status_code == 422
        assert "Much. Much." in long.content.decode()
        appeal.refresh_from_db()
        assert appeal.state == "waiting"
        manager.post(decide, {"decision": "declined", "answer": "T1 says otherwise."})
        appeal.refresh_from_db()
        assert appeal.state == "declined"
        assert not Gold.objects.filter(retired_at__isnull=False).exists()
        late = manager.post(decide, {"decision": "upheld", "answer": "You may be right."})
        assert late.status_code == 409
        assert "You may be right." in late.content.decode()

    def test_nobody_decides_on_their_own(self) -> None:
        campaign, seat, appeal = self.appealed()
        assert seat.rater.user is not None
        campaign.memberships.create(user=seat.rater.user, role="manager")
        decide = reverse("campaign_appeal", args=[campaign.slug, appeal.public_id])
        refused = signed_in(seat).post(decide, {"decision": "upheld", "answer": "I am right."})
        assert refused.status_code == 403
        assert "Another manager does" in refused.content.decode()
        appeal.refresh_from_db()
        assert appeal.state == "waiting"

    def test_only_a_manager_decides(self) -> None:
        campaign, seat, appeal = self.appealed()
        decide = reverse("campaign_appeal", args=[campaign.slug, appeal.public_id])
        said = {"decision": "upheld", "answer": ""}
        assert signed_in(seat).post(decide, said).status_code == 404
        researcher = as_(factories.member(campaign, "researcher"))
        assert researcher.post(decide, said).status_code == 403
        stranger = as_(factories.member(factories.campaign(), "manager"))
        assert stranger.post(decide, said).status_code == 404
        appeal.refresh_from_db()
        assert appeal.state == "waiting"


def test_a_manager_lets_a_rater_in() -> None:
    campaign = practising(1)
    seat = factories.rater(campaign)
    post(signed_in(seat), campaign, "other:2")
    address = reverse("campaign_qualify_rater", args=[campaign.slug, seat.rater.public_id])
    assert as_(factories.member(campaign, "researcher")).post(address).status_code == 403
    manager = as_(factories.member(campaign, "manager"))
    page = manager.get(reverse("campaign_raters", args=[campaign.slug])).content.decode()
    assert f'action="{address}"' in page
    manager.post(address)
    seat.refresh_from_db()
    assert seat.qualified_at is not None
    page = manager.get(reverse("campaign_raters", args=[campaign.slug])).content.decode()
    assert f'action="{address}"' not in page
