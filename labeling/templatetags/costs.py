"""What calls to models took and cost, as pages write it."""

from decimal import Decimal

from django import template

register = template.Library()

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}


@register.filter
def latency(milliseconds: float | None) -> str:
    """412 as "412 ms", 6,800 as "6.8 s"; nothing as a dash."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return (
        f"{milliseconds / 1000:.1f} s"
        if milliseconds < 100_000
        else f"{milliseconds / 1000:,.0f} s"
    )


@register.filter
def money(amount: Decimal | float | None, currency: str = "") -> str:
    """39.1 as "€ 39.10"; what is less than a cent keeps its first two figures."""
    if amount is None:
        return "–"
    value = float(amount)
    written = f"{value:,.2f}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"
    if "e" in written:
        written = f"{value:.8f}".rstrip("0")
    return f"{SIGNS.get(currency, currency)} {written}".strip()
