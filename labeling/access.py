"""The only door from a request to a campaign: (user, slug) to an object, or one 404 for all."""

from uuid import UUID

from allauth.account.models import EmailAddress
from django.core.signing import BadSignature, TimestampSigner
from django.db.models import QuerySet

from labeling.errors import NotAllowedError, NotFoundError
from labeling.models import (
    Assignment,
    Campaign,
    Endpoint,
    Image,
    Invitation,
    Job,
    Membership,
    Organisation,
    OrganisationMember,
    Seat,
    Token,
    User,
    joined,
)

Role = Membership.Role
MANAGERS = (Role.OWNER, Role.MANAGER)
# Those who may read a campaign's judgments, reports and exports.
READERS = (Role.OWNER, Role.MANAGER, Role.RESEARCHER, Role.REVIEWER)
# Those who may decide what raters disagree about.
REVIEWERS = (Role.OWNER, Role.MANAGER, Role.REVIEWER)

# An image's address is good for this long after the page or answer that told it.
IMAGE_SECONDS = 24 * 3600
UNKNOWN = "There is no such campaign, or you have no part in it."


def campaigns_for_reader(user: User) -> QuerySet[Campaign]:
    """Campaigns whose data the user may read; NotFoundError for one who can have none."""
    campaigns = Campaign.objects.with_role(user, *READERS)
    if not campaigns.exists() and not may_start_campaigns(user):
        raise NotFoundError("There is nothing here, or you have no part in it.")
    return campaigns


def may_manage(user: User, campaign: Campaign) -> bool:
    """Whether the user may change the campaign: its buttons are shown to no one else."""
    return Campaign.objects.with_role(user, *MANAGERS).filter(pk=campaign.pk).exists()


def may_review(user: User, campaign: Campaign) -> bool:
    """Whether the user may decide comparisons of the campaign, and send them back."""
    return Campaign.objects.with_role(user, *REVIEWERS).filter(pk=campaign.pk).exists()


def rank_in_organisation(user: User, organisation: Organisation) -> str:
    """`owner`, `manager`, or nothing: what the user may decide about people there."""
    place = OrganisationMember.objects.filter(organisation=organisation, user=user).first()
    return str(place.role) if place and place.role in MANAGERS else ""


def rank_in_campaign(user: User, campaign: Campaign) -> str:
    """`owner`, `manager`, or nothing, by a role in the campaign or in its organisation."""
    ranks = set(
        Membership.objects.filter(campaign=campaign, user=user, role__in=MANAGERS).values_list(
            "role", flat=True
        )
    ) | {rank_in_organisation(user, campaign.organisation)}
    return next((rank for rank in ("owner", "manager") if rank in ranks), "")


def has_address(user: User, email: str) -> bool:
    """Whether this is the account's address, and shown to be: confirmed, or invited and let in."""
    if not email or user.email.lower() != email.lower():
        return False
    confirmed = EmailAddress.objects.filter(user=user, email__iexact=email, verified=True)
    let_in = Invitation.objects.filter(accepted_by=user, email__iexact=email)
    return confirmed.exists() or let_in.exists()


def organisation_for_governor(user: User, slug: str = "") -> Organisation:
    """The organisation that the user owns or manages, the named one or the first; or a 404."""
    places = OrganisationMember.objects.filter(user=user, role__in=MANAGERS)
    if "\0" in slug:
        places = places.none()
    places = places.filter(organisation__slug=slug) if slug else places
    if (place := places.select_related("organisation").order_by("pk").first()) is None:
        raise NotFoundError("There is no such organisation, or you do not manage it.")
    return place.organisation


def invitation_for_manager(user: User, public_id: UUID) -> Invitation:
    """An invitation to what the user owns or manages."""
    rows = Invitation.objects.select_related("organisation", "campaign")
    found = rows.filter(public_id=public_id).first()
    rank = ""
    if found is not None:
        rank = rank_in_organisation(user, found.organisation)
        if not rank and found.campaign is not None:
            rank = rank_in_campaign(user, found.campaign)
    if found is None or not rank:
        raise NotFoundError("There is no such invitation.")
    return found


def may_start_campaigns(user: User) -> bool:
    """Whether the user governs an organisation."""
    return OrganisationMember.objects.filter(user=user, role__in=["owner", "manager"]).exists()


def campaign_for_reader(user: User, slug: str) -> Campaign:
    """The campaign, for one who may read its data; NotFoundError for everybody else."""
    return _one(Campaign.objects.with_role(user, *READERS).filter(slug=slug))


def campaign_for_manager(user: User, slug: str) -> Campaign:
    """The campaign, for one who may change it. Its readers are told no; others, that it is not."""
    campaign = campaign_for_reader(user, slug)
    if not may_manage(user, campaign):
        raise NotAllowedError("Only owners and managers of the campaign may do this.")
    return campaign


def campaign_for_reviewer(user: User, slug: str) -> Campaign:
    """The campaign, for one who may decide in it; its other readers are told no."""
    campaign = campaign_for_reader(user, slug)
    if not may_review(user, campaign):
        raise NotAllowedError("Only owners, managers and reviewers of the campaign may do this.")
    return campaign


def campaign_for_rater(user: User, slug: str) -> Campaign:
    """The campaign, for one who rates in it, whatever its state; NotFoundError for others."""
    return _one(Campaign.objects.with_role(user, Role.RATER).filter(slug=slug))


def token_and_seat(digest: bytes, slug: str) -> tuple[Token, Seat | None] | None:
    """The valid token, and the seat, rater and campaign of its user if they rate in it.

    One statement, for the rating loop. Without a seat they have not taken it yet, or have no part:
    `campaign_for_rater` tells which.
    """
    return joined.token_and_seat(digest, slug)


def person_of(campaign: Campaign, username: str) -> User:
    """The member of the campaign's organisation who signs in as `username`."""
    people = User.objects.filter(
        organisation_memberships__organisation=campaign.organisation, is_active=True
    )
    if (person := people.filter(username=username).first()) is None:
        raise NotFoundError(
            f"Nobody called {username} is in this organisation. Invite them first:"
            " python manage.py invite NAME --organisation ORGANISATION"
        )
    return person


def token_and_assignment(
    digest: bytes, public_id: UUID
) -> tuple[Token, tuple[Seat, Assignment] | None] | None:
    """The valid token, and its user's assignment for `own_assignment`; one statement."""
    return joined.token_and_assignment(digest, public_id)


def own_assignment(found: tuple[Seat, Assignment] | None) -> tuple[Seat, Assignment]:
    """What `token_and_assignment` found; NotFoundError where it is not theirs nor was last."""
    refusal = "There is no such comparison of yours."
    if found is None:
        raise NotFoundError(refusal)
    seat, assignment = found
    return _active(seat, refusal), assignment


def seat_of_judgment(user: User, public_id: UUID) -> Seat:
    """The user's seat in the judgment's campaign, with its rater; NotFoundError without one."""
    seats = Seat.objects.filter(
        campaign__judgments__public_id=public_id,
        campaign__in=Campaign.objects.with_role(user, Role.RATER),
        rater__user=user,
    )
    return _active(seats.select_related("rater").first(), "There is no such judgment of yours.")


def _active(seat: Seat | None, refusal: str) -> Seat:
    if seat is None:
        raise NotFoundError(refusal)
    if not seat.is_active:
        raise NotAllowedError("Your part in this campaign has been paused.")
    return seat


def organisation_for_manager(user: User) -> Organisation:
    """The organisation in which the user may start campaigns."""
    places = OrganisationMember.objects.filter(user=user, role__in=["owner", "manager"])
    if not (place := places.select_related("organisation").order_by("pk").first()):
        raise NotAllowedError("Only owners and managers of an organisation may start a campaign.")
    return place.organisation


def endpoints_for_manager(user: User) -> QuerySet[Endpoint]:
    """The LLM endpoints of the organisations that the user owns or manages."""
    places = OrganisationMember.objects.filter(user=user, role__in=["owner", "manager"])
    return Endpoint.objects.filter(organisation__in=places.values("organisation")).select_related(
        "organisation"
    )


def job_for_reader(user: User, public_id: UUID) -> Job:
    """A job of a campaign whose data the user may read."""
    campaigns = Campaign.objects.with_role(user, *READERS)
    job = Job.objects.filter(public_id=public_id, campaign__in=campaigns).first()
    if job is None:
        raise NotFoundError("There is no such job, or you have no part in its campaign.")
    return job


def image_pass(image: Image, user: User) -> str:
    """What lets the user, and no one else, fetch an image that they are being shown.

    It is part of the image's address, so that a browser needs no cookie to load it.
    """
    return TimestampSigner(salt="image").sign(f"{image.public_id.hex}.{user.public_id.hex}")


def image_by_pass(given: str) -> Image:
    """The image of a pass that was issued within a day, while its user has a part in the campaign.

    Everything else, a guess or an old or altered pass, is one 404.
    """
    refusal = "There is no such image, or its address is too old: load the page again."
    try:
        signed = TimestampSigner(salt="image").unsign(given, max_age=IMAGE_SECONDS)
        image_id, _, user_id = signed.partition(".")
        user = User.objects.filter(public_id=UUID(user_id), is_active=True).first()
        image = Image.objects.filter(public_id=UUID(image_id)).first()
    except (BadSignature, ValueError) as error:
        raise NotFoundError(refusal) from error
    if user is None or image is None:
        raise NotFoundError(refusal)
    if not Campaign.objects.with_role(user, *Role.values).filter(pk=image.campaign_id).exists():
        raise NotFoundError(refusal)
    return image


def _one(campaigns: QuerySet[Campaign]) -> Campaign:
    campaign = campaigns.select_related("organisation").first()
    if campaign is None:
        raise NotFoundError(UNKNOWN)
    return campaign
