"""Choose the next pairs of a round while raters work: what was judged decides what is asked."""

from django.db import transaction

from labeling import audit
from labeling.actions.pairing import as_stored, drawn
from labeling.actions.rounds import deal_in
from labeling.models import Campaign, Comparison, Round, candidates, laying
from labeling.models.rounds import DRAWS, EXHAUSTED, STOP_MEASURE
from labeling.pairing.settings import read_pairing
from labeling.queries.next_pairs import coming, comparisons_left, is_due, wants_next
from labeling.queries.round_plans import choose_pairs

# Seeds of one round's draws are this far apart, so that no two of them deal alike.
_STRIDE = 0x9E3779B97F4A7C15
_MOST_SEED = 2**62


@transaction.atomic(durable=True)
def choose_next(*, round_: Round) -> int:
    """Choose, by the newest report, as many pairs as the round takes at a time; how many slots.

    Nothing while enough is open, and never beyond its budget. Each comparison keeps the chance it
    had in this draw; what the draw went by, seed and strengths, is in the audit log. Safe to
    repeat, and by several at once: the campaign and the round are held as by all who lay.
    """
    # An estimate that counts all that is open: not while others wait for the campaign.
    asked = coming(round_.campaign)
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=round_.campaign_id)
    held = Round.objects.select_for_update(no_key=True).get(pk=round_.pk)
    if (
        held.state != Round.State.OPEN
        or campaign.state != Campaign.State.ACTIVE
        or not wants_next(held)
        or not is_due(held)
    ):
        return 0
    given = held.pairing_settings
    number = given.get(DRAWS, 1) + 1
    seed = (held.seed + number * _STRIDE) % _MOST_SEED
    rule, settings = read_pairing(
        held.pairing,
        {name: given[name] for name in ("uniform_share", "k", "every") if name in given},
    )
    count = min(comparisons_left(held), max((settings.every or 1) // held.overlap, 1))
    made, ranking, report = choose_pairs(
        campaign,
        rule=rule,
        settings=settings,
        count=count,
        overlap=held.overlap,
        seed=seed,
        asked=asked,
    )
    last = Comparison.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    new = candidates.draw(
        campaign=campaign, round_id=held.pk, rule=rule, wanted=drawn(made), seed=seed
    )
    if new:
        ids = Comparison.objects.filter(round=held, pk__gt=last).order_by("pk")
        laid = laying.lay(deal_in(campaign, held), list(ids.values_list("pk", flat=True)))
    else:
        laid = 0
    # The strengths of the last draw stand with the round, those of each draw in the audit log.
    kept = as_stored(rule, settings, ranking, report) | {DRAWS: number}
    if STOP_MEASURE in given:
        kept[STOP_MEASURE] = given[STOP_MEASURE]
    if not new:
        kept[EXHAUSTED] = True
    held.pairing_settings = kept
    held.save(update_fields=["pairing_settings"])
    audit.record(
        "round.extended",
        campaign=campaign,
        subject=held.public_id,
        assignments=laid,
        comparisons=new,
        seed=seed,
        report=kept["report"],
        strengths=kept["strengths"],
    )
    return laid
