"""Let people in: an account without a password, and a link with which its owner chooses one."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.functions import Now
from django.utils.text import slugify

from labeling import audit
from labeling.bench_settings import BenchSettings
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import Organisation, OrganisationMember, Token, User
from labeling.schemas import as_json


def end_sessions(person: User, *, but: str = "") -> None:
    """End the person's sessions, all but the named one. Only within an action's transaction."""
    # A session does not know its user but by what is signed into it; this is rarely done.
    for session in Session.objects.filter(expire_date__gt=Now()).iterator():
        is_theirs = session.get_decoded().get("_auth_user_id") == str(person.pk)
        if is_theirs and session.session_key != but:
            session.delete()
    # From where, and with which browser.
    UserSession.objects.filter(user=person).exclude(session_key=but).delete()


def end_tokens(person: User) -> None:
    """End the person's API tokens. Only within an action's transaction."""
    Token.objects.filter(user=person, revoked_at=None).update(revoked_at=Now())


@transaction.atomic(durable=True)
def note_password_reset(*, person: User) -> None:
    """End what whoever knew the forgotten password may have made with it: API tokens."""
    end_tokens(person)
    audit.record("person.password_reset", by=person, subject=person.public_id)


@transaction.atomic(durable=True)
def invite_person(
    *,
    username: str,
    organisation_name: str,
    role: str,
    by: User | None,
    email: str = "",
) -> tuple[User, str]:
    """The person, a member of the organisation (made if new), and the path of their welcome link.

    The link works once: choosing a password ends it. Inviting again gives one who has not chosen
    yet a new link, and changes nobody else's role or password.
    """
    if role not in OrganisationMember.Role.values:
        message = f"Roles are {', '.join(OrganisationMember.Role.values)}."
        raise InvalidInputError(message, problems=[FieldProblem("role", message)])
    slug = slugify(organisation_name)[:50]
    if not slug or not username.strip():
        message = "Name the person and the organisation, with letters or digits."
        raise InvalidInputError(message, problems=[FieldProblem("organisation", message)])
    organisation, _ = Organisation.objects.get_or_create(
        slug=slug, defaults={"name": organisation_name}
    )
    person, is_new = User.objects.get_or_create(username=username, defaults={"email": email})
    if is_new:
        person.set_unusable_password()
        person.save(update_fields=["password"])
        OrganisationMember.objects.create(organisation=organisation, user=person, role=role)
        if by is None:
            _vouch_for(person)
    elif not person.organisation_memberships.filter(organisation=organisation).exists():
        message = f"There is already somebody called {username}; choose another name."
        raise ConflictError(message, problems=[FieldProblem("username", message)])
    elif person.has_usable_password():
        message = f"{username} has an account and a password already."
        raise ConflictError(message, problems=[FieldProblem("username", message)])
    audit.record("person.invited", by=by, subject=person.public_id, role=role)
    return person, f"/welcome/{person.public_id}/{default_token_generator.make_token(person)}/"


def _vouch_for(person: User) -> None:
    """Take the operator's word for the address of an account they make."""
    confirmed = EmailAddress.objects.filter(email=person.email.lower(), verified=True)
    if person.email and not confirmed.exists():
        EmailAddress.objects.create(
            user=person, email=person.email.lower(), primary=True, verified=True
        )


@transaction.atomic(durable=True)
def change_preferences(*, user: User, language: str, bench: BenchSettings) -> None:
    """Keep the language the user wants to be spoken to in, and how they like the bench."""
    User.objects.filter(pk=user.pk).update(language=language, bench=as_json(bench))


@transaction.atomic(durable=True)
def link_single_sign_on(*, person: User, email: str) -> None:
    """Trust the address that a single sign-on vouches for, before its first use.

    If the account's address was never confirmed, somebody else may have made the account in the
    expectation of its owner: all by which they could come in ends, password, sessions, tokens,
    second factors, other single sign-ons and other addresses.
    """
    User.objects.select_for_update().get(pk=person.pk)
    if EmailAddress.objects.filter(user=person, email=email.lower(), verified=True).exists():
        return
    # Second factors, other sign-ons and other addresses would be ways back in.
    for kind in (EmailAddress, Authenticator, SocialAccount):
        kind.objects.filter(user=person).delete()
    EmailAddress.objects.create(user=person, email=email.lower(), primary=True, verified=True)
    person.set_unusable_password()
    person.save(update_fields=["password"])
    end_tokens(person)
    end_sessions(person)
    audit.record("person.address_trusted", by=person, subject=person.public_id)


@transaction.atomic(durable=True)
def forget_unconfirmed_address(*, user: User) -> None:
    """Drop the sign-in's note that the account's address is unconfirmed; the address stays."""
    EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=False).delete()


@transaction.atomic(durable=True)
def change_name(*, user: User, name: str) -> None:
    """Keep what the user wants to be called."""
    first, _, last = name.strip().partition(" ")
    User.objects.filter(pk=user.pk).update(first_name=first[:150], last_name=last[:150])


@transaction.atomic(durable=True)
def sign_out_elsewhere(*, user: User, session_key: str) -> None:
    """End the user's sessions, all but this one."""
    end_sessions(user, but=session_key)
    audit.record("person.signed_out_elsewhere", by=user, subject=user.public_id)
