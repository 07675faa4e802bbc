"""What templates draw and say: icons, and who speaks in a conversation."""

from django import template
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

register = template.Library()

# Strokes on a 16 by 16 grid, drawn for this project.
ICONS = {
    "guidelines": '<path d="M8 4.3C6.5 3.3 4.6 2.9 2.5 3v9.4c2.1-.1 4 .3 5.5 1.2 1.5-.9 3.4-1.3'
    ' 5.5-1.2V3C11.4 2.9 9.5 3.3 8 4.3Zm0 0v9.3"/>',
    "help": '<circle cx="8" cy="8" r="6"/><path d="M6.3 6.4a1.75 1.75 0 1 1 2.5 1.6c-.55.25-.8'
    '.65-.8 1.2M8 11.3v.1"/>',
    "theme": '<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5v11a5.5 5.5 0 0 0 0-11Z"'
    ' fill="currentColor"/>',
    "check": '<path d="m3.5 8.5 3 3 6-7"/>',
    "close": '<path d="m4 4 8 8m0-8-8 8"/>',
    "copy": '<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5V4A1.5 1.5 0'
    ' 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5"/>',
    "skip": '<path d="M3.5 4v8l6-4zM12.5 4v8"/>',
    "undo": '<path d="M5.5 3.5 2.5 6.5l3 3M2.5 6.5h7.25a3.5 3.5 0 0 1 0 7H7"/>',
    "warning": '<path d="M8 2.5 14 13H2L8 2.5ZM8 6.5V9.5M8 11.3v.1"/>',
    "info": '<circle cx="8" cy="8" r="6"/><path d="M8 7.3v3.7M8 5v.1"/>',
    "hidden": '<path d="M2 8s2.2-4 6-4 6 4 6 4-2.2 4-6 4-6-4-6-4Z"/><path d="m3 13 10-10"/>',
    "clock": '<circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.3 1.5"/>',
    "edit": '<path d="m2.8 13.2.7-2.9 7-7a1.55 1.55 0 0 1 2.2 2.2l-7 7-2.9.7ZM9.3 4.5l2.2 2.2"/>',
    "lock": '<rect x="3.5" y="7" width="9" height="6.5" rx="1.5"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5'
    ' 0v2"/>',
    "arriving": '<path d="M8 2a6 6 0 1 1-6 6"/>',
    "pause": '<path d="M5.5 3.5v9M10.5 3.5v9"/>',
    "download": '<path d="M8 2.5v8m-3-3 3 3 3-3M3 13.5h10"/>',
    "upload": '<path d="M8 10.5v-8m-3 3 3-3 3 3M3 13.5h10"/>',
    "play": '<path d="M5 3.5v9l7-4.5z"/>',
    "refresh": '<path d="M13 8a5 5 0 1 1-1.5-3.6L13 6M13 2.8V6H9.8"/>',
    "enlarge": '<path d="M9.5 2.5h4v4M13.5 2.5l-5 5M6.5 13.5h-4v-4M2.5 13.5l5-5"/>',
    "flag": '<path d="M4 14V2.5h8L10.3 5.5 12 8.5H4"/>',
    "differences": '<path d="M5 3.5v5M2.5 6h5M8.5 11.5h5"/>',
    "bell": '<path d="M3.5 11.5h9c-.9-1-1.3-2-1.3-4.3a3.2 3.2 0 0 0-6.4 0c0 2.3-.4 3.3-1.3 4.3Z'
    'M6.8 13.7h2.4"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
}
SPEAKERS = {
    "user": _("User"),
    "assistant": _("Assistant"),
    "system": _("System"),
    "tool": _("Tool"),
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """The icon as inline SVG in the colour of the text; it says nothing to a screen reader."""
    # Ours, from the table above; an unknown name is a mistake and should be loud.
    drawing = mark_safe(ICONS[name])  # noqa: S308
    return format_html('<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">{}</svg>', drawing)


@register.simple_tag(takes_context=True)
def key(context: Context, action: str, style: str = "", *, number: int | None = None) -> str:
    """The cap of the rater's key for this; nothing while single keys are off."""
    preferences = context["preferences"]
    if not preferences.settings.single_keys:
        return ""
    cap = preferences.cap(action if number is None else f"{action}_{number}")
    if style:
        return format_html('<kbd class="{}" aria-hidden="true">{}</kbd>', style, cap)
    return format_html('<kbd aria-hidden="true">{}</kbd>', cap)


@register.simple_tag(takes_context=True)
def key_hint(context: Context, action: str) -> str:
    """The attribute that tells a screen reader the rater's key for this."""
    return format_html('aria-keyshortcuts="{}"', context["preferences"].shortcut(action))


@register.filter
def speaker(role: str) -> str:
    """Who speaks in a turn, by the message's role."""
    return str(SPEAKERS.get(role) or role.capitalize() or gettext("Text"))


@register.filter
def initials(name: str) -> str:
    """Up to two letters that stand for a person."""
    words = name.split()
    return "".join(
        word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)
    ).upper()
