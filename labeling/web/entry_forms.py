"""The form of an entry link, and the address that its panel's page is given."""

from datetime import datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from labeling.models import EntryLink

# How each panel calls the ids it adds to the address, and how its page wants them written there.
PARAMETERS: dict[str, tuple[str, str, str]] = {
    "prolific": ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID"),
    "mturk": ("workerId", "hitId", "assignmentId"),
    "other": ("participant_id", "study_id", "session_id"),
}
PLACES = {
    "prolific": "{{{{%{}%}}}}",
    "mturk": "${{{}}}",
    "other": "{}",
}


class EntryLinkForm(forms.Form):
    """What a study of a panel asks of its participants, and what it gives them at the end."""

    kind = forms.ChoiceField(choices=EntryLink.Kind.choices, label="Panel")
    name = forms.CharField(max_length=100, label="Name of the link")
    wanted = forms.IntegerField(min_value=1, initial=20, label="Judgments of each participant")
    max_participants = forms.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, label="Most participants"
    )
    expires_at = forms.DateField(
        required=False,
        label="Takes newcomers until",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    completion_code = forms.CharField(required=False, max_length=100, label="Completion code")
    completion_url = forms.URLField(
        required=False, max_length=500, assume_scheme="https", label="Where they return to"
    )

    def clean_expires_at(self) -> Any:
        """The end of that day, which has to come yet."""
        day = self.cleaned_data["expires_at"]
        if day is None:
            return None
        if day < timezone.localdate():
            raise forms.ValidationError("This day is over.")
        return timezone.make_aware(datetime.combine(day, time.max))


def link_rows(links: Any) -> list[dict[str, Any]]:
    """The links with what a panel's page is given."""
    now = timezone.now()
    return [
        {
            "link": link,
            "address": address_of(link),
            "is_over": link.closed_at is not None
            or (link.expires_at is not None and link.expires_at <= now),
        }
        for link in links
    ]


def address_of(link: EntryLink) -> str:
    """The address for the panel's page, with the places of its ids."""
    place = PLACES[link.kind]
    query = "&".join(f"{name}={place.format(name)}" for name in PARAMETERS[link.kind])
    return f"{settings.BASE_URL}{reverse('enter', args=[link.code])}?{query}"
