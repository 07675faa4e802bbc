"""A day in a form: one that a clock could show."""

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

FIRST, LAST = date(2000, 1, 1), date(2999, 12, 31)


class DayField(forms.DateField):
    """A date of this millennium, chosen from the browser's calendar."""

    def __init__(self, **kwargs: Any) -> None:
        bounds = [
            MinValueValidator(FIRST, "Choose a day after the year 1999."),
            MaxValueValidator(LAST, "Choose a day before the year 3000."),
        ]
        widget = forms.DateInput({"type": "date", "class": "date"}, format="%Y-%m-%d")
        super().__init__(validators=bounds, widget=widget, **kwargs)
