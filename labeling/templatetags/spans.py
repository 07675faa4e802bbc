"""Spans of time as people say them, in the reader's language."""

from django import template
from django.utils.translation import gettext, ngettext

register = template.Library()


@register.filter
def span(milliseconds: float | None) -> str:
    """4,200,000 ms as "1 h 10 min", less than two minutes in seconds; nothing as a dash."""
    if milliseconds is None:
        return "–"
    seconds = round(milliseconds / 1000)
    if seconds < 120:
        return ngettext("%(n)s s", "%(n)s s", seconds) % {"n": seconds}
    minutes = round(seconds / 60)
    if minutes < 60:
        return gettext("%(n)s min") % {"n": minutes}
    return gettext("%(hours)s h %(minutes)s min") % {
        "hours": minutes // 60,
        "minutes": minutes % 60,
    }
