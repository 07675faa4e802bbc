"""Let people in: an account without a password, and a link with which its owner chooses one."""

from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.utils.text import slugify

from labeling import audit
from labeling.bench_settings import BenchSettings
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import Organisation, OrganisationMember, User
from labeling.schemas import as_json


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
    elif not person.organisation_memberships.filter(organisation=organisation).exists():
        message = f"There is already somebody called {username}; choose another name."
        raise ConflictError(message, problems=[FieldProblem("username", message)])
    elif person.has_usable_password():
        message = f"{username} has an account and a password already."
        raise ConflictError(message, problems=[FieldProblem("username", message)])
    audit.record("person.invited", by=by, subject=person.public_id, role=role)
    return person, f"/welcome/{person.public_id}/{default_token_generator.make_token(person)}/"


@transaction.atomic(durable=True)
def change_preferences(*, user: User, language: str, bench: BenchSettings) -> None:
    """Keep the language the user wants to be spoken to in, and how they like the bench."""
    User.objects.filter(pk=user.pk).update(language=language, bench=as_json(bench))
