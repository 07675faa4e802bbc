"""`/account/profile/`: what one says of oneself as a rater, and what is known of one's skills."""

from typing import Any

from django import forms
from django.conf.locale import LANG_INFO
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from labeling.actions.profiles import (
    change_profile,
    give_demographics,
    withdraw_demographics,
)
from labeling.errors import LabelingError
from labeling.queries.demographics import QUESTIONS
from labeling.queries.profile import Profile, profile_of
from labeling.skills import language_tag
from labeling.web.entry import FLAG
from labeling.web.messages import in_their_language
from labeling.web.signed_in import PageRequest, signed_in

# Offered to be ticked, in their own names; others are written as tags.
OFFERED = (
    *("ar", "bn", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hu", "id"),
    *("it", "ja", "ko", "nb", "nl", "pl", "pt", "ro", "ru", "sv", "sw", "ta", "th", "tr", "uk"),
    *("ur", "vi", "zh-Hans", "zh-Hant"),
)
SOURCES: dict[str, Any] = {
    "declared": _("you say so"),
    "granted": _("noted by a manager"),
    "imported": _("from a file of the organisation"),
    "qualification": _("earned in practice"),
    "gold": _("earned on known answers"),
}
ASKED: dict[str, Any] = {
    "age": _("Age"),
    "gender": _("Gender"),
    "region": _("Where I live"),
    "education": _("Highest education"),
}
ANSWERS: dict[str, Any] = {
    "18_29": _("18 to 29"),
    "30_44": _("30 to 44"),
    "45_59": _("45 to 59"),
    "60_over": _("60 and over"),
    "woman": _("Woman"),
    "man": _("Man"),
    "another": _("Another, or none of these"),
    "africa": _("Africa"),
    "asia": _("Asia"),
    "europe": _("Europe"),
    "latin_america": _("Latin America and the Caribbean"),
    "north_america": _("North America"),
    "oceania": _("Oceania"),
    "school": _("School"),
    "vocational": _("Vocational training"),
    "bachelor": _("Bachelor's degree"),
    "master": _("Master's degree"),
    "doctorate": _("Doctorate"),
}


class ProfileForm(forms.Form):
    """Languages, ticked or written, and skills, by comma."""

    languages = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    others = forms.CharField(required=False, max_length=400)
    skills = forms.CharField(required=False, max_length=2000)

    def __init__(self, *args: Any, profile: Profile, **kwargs: Any) -> None:
        offered = {language_tag(code): code for code in OFFERED}
        own = {language_tag(code): code for code in profile.languages}
        initial = {
            "languages": [offered[tag] for tag in own if tag in offered],
            "others": ", ".join(code for tag, code in own.items() if tag not in offered),
            "skills": ", ".join(profile.declared),
        }
        super().__init__(*args, **{"initial": initial, **kwargs})
        field: Any = self.fields["languages"]
        field.choices = [(code, local_name(code)) for code in OFFERED]

    def spoken(self) -> list[str]:
        """Every language, ticked or written."""
        return [*self.cleaned_data["languages"], *_parts(self.cleaned_data["others"])]

    def named(self) -> list[str]:
        """The skills the rater says they have."""
        return _parts(self.cleaned_data["skills"])


class DemographicsForm(forms.Form):
    """Four questions, each of which may be skipped, and the consent without which none is kept."""

    consent = forms.BooleanField(
        error_messages={"required": _("Nothing is kept unless you agree. Tick it, or leave.")}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key, answers in QUESTIONS.items():
            choices = [("", _("Skip")), *((answer, ANSWERS[answer]) for answer in answers)]
            self.fields[key] = forms.ChoiceField(choices=choices, required=False, label=ASKED[key])

    @property
    def questions(self) -> list[Any]:
        """The questions' fields, in their order."""
        return [self[key] for key in QUESTIONS]


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: PageRequest) -> HttpResponse:
    """Languages and skills; what is known of them, and what my campaigns ask."""
    known = profile_of(request.user)
    form = ProfileForm(request.POST or None, profile=known)
    if form.is_valid():
        try:
            change_profile(user=request.user, languages=form.spoken(), skills=form.named())
        except LabelingError as error:
            field = "others" if _is_of_languages(error) else "skills"
            form.add_error(field, in_their_language(error.message))
        else:
            messages.success(request, gettext("Saved."))
            return redirect("profile")
    # Whoever has the id in a panel's link is let in by it: to them no answers are told.
    told = {} if FLAG in request.session else known.demographics
    return _page(request, known, form, DemographicsForm(initial=told))


@signed_in
@require_POST
def demographics(request: PageRequest) -> HttpResponse:
    """Keep what the user chose to say of themselves, or delete all of it."""
    if "withdraw" in request.POST:
        withdraw_demographics(user=request.user)
        messages.success(request, gettext("Deleted. Nothing of it is kept."))
        return redirect(f"{reverse('profile')}#about")
    form = DemographicsForm(request.POST)
    if form.is_valid():
        answers = {key: form.cleaned_data[key] for key in QUESTIONS}
        give_demographics(user=request.user, answers=answers)
        messages.success(request, gettext("Saved."))
        return redirect(f"{reverse('profile')}#about")
    known = profile_of(request.user)
    return _page(request, known, ProfileForm(profile=known), form)


def local_name(code: str) -> str:
    """A language in its own words."""
    info: dict[str, Any] = LANG_INFO.get(code.lower(), {})
    name = str(info.get("name_local", code))
    return name[:1].upper() + name[1:]


def _page(
    request: PageRequest, known: Profile, form: ProfileForm, about: DemographicsForm
) -> HttpResponse:
    rows = [
        {
            "name": one.name,
            "level": one.level_shown,
            "source": SOURCES[one.source],
            "since": one.since,
        }
        for one in known.skills
    ]
    context = {
        "profile": known,
        "form": form,
        "about": about,
        "is_participant": FLAG in request.session,
        "skills": rows,
        "languages": [(option, option.data["value"]) for option in form["languages"].subwidgets],
    }
    status = 422 if form.errors or about.errors else 200
    return render(request, "labeling/profile.html", context, status=status)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_of_languages(error: LabelingError) -> bool:
    return any(problem.field == "languages" for problem in error.problems)
