"""Register a model that was trained on a round's judgments."""

from django.db import transaction

from labeling import audit
from labeling.actions.ended import hold_campaign
from labeling.errors import ConflictError, refused
from labeling.models import Campaign, Round, Snapshot, TrainedModel, User

MOST_LETTERS = 200


@transaction.atomic(durable=True)
def register_model(
    *,
    campaign: Campaign,
    round_: Round,
    name: str,
    by: User | None,
    base: str = "",
    snapshot: Snapshot | None = None,
    note: str = "",
) -> TrainedModel:
    """Say which model came out of training on the round, from which one: its completions will
    carry `name`.

    Without a `snapshot`, the round's newest frozen one. The same again is the first one; the name
    of another is a ConflictError.
    """
    campaign = hold_campaign(campaign)
    name, base = name.strip(), base.strip()
    for field, text in (("name", name), ("base", base)):
        if len(text) > MOST_LETTERS:
            raise refused(field, f"At most {MOST_LETTERS} characters.")
    if not name:
        raise refused("name", "Write the name that its completions will carry.")
    if base == name:
        raise refused("base", "A model is not trained from itself: give the new one its own name.")
    if snapshot is None:
        frozen = campaign.snapshots.filter(frozen_at__isnull=False)
        snapshot = frozen.filter(filters={"round": round_.number}).order_by("-number").first()
    known = campaign.trained_models.filter(name=name).first()
    if known is not None:
        if (known.base, known.round_id) == (base, round_.pk):
            return known
        raise ConflictError(
            f"{name} is registered already, as another model. Choose a name for it."
        )
    made = TrainedModel.objects.create(
        campaign=campaign,
        name=name,
        base=base,
        round=round_,
        snapshot=snapshot,
        note=note.strip(),
        registered_by=by,
    )
    audit.record(
        "model.registered",
        campaign=campaign,
        by=by,
        subject=made.public_id,
        round=round_.number,
        snapshot=snapshot.number if snapshot else None,
    )
    return made
