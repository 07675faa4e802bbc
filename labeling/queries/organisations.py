"""Who belongs to an organisation, and when they were last here."""

from allauth.mfa.models import Authenticator
from django.db.models import DateTimeField, Exists, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Greatest

from labeling.models import Judgment, Organisation, OrganisationMember, Token


def members_of(organisation: Organisation) -> QuerySet[OrganisationMember]:
    """Members with their `user`, `last_seen_at` and `is_two_step`; who may still come in, first.

    Seen is who signed in, used a token or judged; null for who never did.
    """
    tokens = Token.objects.filter(user=OuterRef("user")).order_by().values("user")
    judged = (
        Judgment.objects.filter(rater__user=OuterRef("user"), assignment__isnull=False)
        .order_by("-pk")
        .values("created_at")
    )
    return (
        organisation.memberships.select_related("user")
        .annotate(
            # PostgreSQL's greatest passes over nulls.
            last_seen_at=Greatest(
                "user__last_login",
                Subquery(tokens.values(at=Max("last_used_at")), output_field=DateTimeField()),
                Subquery(judged[:1], output_field=DateTimeField()),
            ),
            is_two_step=Exists(Authenticator.objects.filter(user=OuterRef("user"))),
        )
        .order_by("-user__is_active", "role", "user__username")
    )
