"""The page of agreement in plain words: rules on its numbers, and no model."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

Row = Mapping[str, Any]
# Krippendorff (2004), Content Analysis, 2nd ed., p. 241: reliable from .8, tentative from .667.
RELIABLE: Final = 0.8
TENTATIVE: Final = 0.667
# Below it a majority of three raters is often not what ten would say.
LITTLE: Final = 0.4
FEW_ITEMS: Final = 30
MOST_NAMED: Final = 3
# By so much more agreement on sides than on all answers, ties are what raters differ about.
ABOUT_TIES: Final = 0.1


def decimal(value: float) -> str:
    """Two decimals, with a proper minus."""
    return f"{value:.2f}".replace("-", "−")


def per_cent(share: float) -> str:
    """A share in whole per cent."""
    return f"{share * 100:.0f} %"


def headline(alpha: Row) -> str:
    """What ordinal alpha says of the whole, by its interval rather than by its value."""
    value, low, high = alpha["value"], alpha["low"], alpha["high"]
    if value is None:
        return str(alpha["why"])
    said = f"Krippendorff’s alpha is {decimal(value)}"
    if low is None:
        return f"{said}, on one item: too little to say more."
    if low == high:
        # Draws of items that are all alike say nothing of other items.
        return f"{said}: nobody has disagreed yet, on {alpha['n']:,} items. That proves little."
    said += f", between {decimal(low)} and {decimal(high)}. "
    if high < 0:
        return said + "Raters disagree more than by chance: look whether some have sides mixed up."
    if low <= 0:
        return said + "It may be no more than chance: the guidelines, or more items, come first."
    if low >= RELIABLE:
        return said + "That is reliable by the customary bound of 0.80: single labels can be used."
    if low >= TENTATIVE:
        return (
            said + "By the customary bounds that carries tentative conclusions from single labels."
        )
    if value >= LITTLE:
        return said + (
            "That is usual for open-ended texts, and enough to rank models over many items. For"
            " single labels, use items where at least two thirds agree."
        )
    return said + (
        "That is little: over many items models can still be ranked, but a single label says more"
        " of its raters than of the texts. Sharper guidelines or more raters an item help."
    )


def remarks(agreement: Mapping[str, Row]) -> list[str]:
    """What else there is to know of the whole, sentence by sentence."""
    alpha, percent = agreement["krippendorff_alpha_ordinal"], agreement["percent_agreement"]
    decisive, again = agreement["percent_agreement_decisive"], agreement["intra_rater"]
    said = []
    if alpha["value"] is not None and alpha["n"] < FEW_ITEMS:
        said.append(f"So far it rests on {alpha['n']} items, so all of it may change.")
    if percent["value"] is None:
        return said
    if decisive["value"] is not None and decisive["value"] - percent["value"] > ABOUT_TIES:
        said.append(
            f"When two raters both choose a side, it is the same in {per_cent(decisive['value'])};"
            " much of what they differ about is whether it is a tie."
        )
    if again["value"] is not None:
        said.append(_noise(percent["value"], again))
    return said


def _noise(between: float, again: Row) -> str:
    """How much of what raters differ about is noise within each of them."""
    said = (
        f"Raters agree with themselves {per_cent(again['value'])} of the time and with each other"
        f" {per_cent(between)}. "
    )
    if again["low"] is not None and again["low"] <= between:
        return said + "The repeats are too few, or too unlike, to tell noise from taste."
    if between >= 1:
        return said.strip()
    noise = (1 - again["value"]) / (1 - between)
    return said + (
        f"About {per_cent(noise)} of the distance to full agreement is noise within a person; the"
        " rest is taste and reading."
    )


def lower_parts(whole: Row, parts: Iterable[tuple[str, Row]]) -> str:
    """Which parts are agreed on less than the whole beyond what chance would bring."""
    if whole["low"] is None:
        return ""
    below = sorted(
        (row["alpha"]["value"], name)
        for name, row in parts
        if row["alpha"]["high"] is not None and row["alpha"]["high"] < whole["low"]
    )
    if not below:
        return ""
    named = [f"{name} ({decimal(value)})" for value, name in below[:MOST_NAMED]]
    more = f" and {len(below) - MOST_NAMED} more" if len(below) > MOST_NAMED else ""
    return f"Agreed on less than the whole: {', '.join(named)}{more}."


def against_floor(alpha: Row, floor: float | None) -> tuple[str, str] | None:
    """Where alpha stands to the campaign's floor, and the class that says the same in colour."""
    if floor is None or alpha["value"] is None:
        return None
    if alpha["value"] < floor:
        return f"Below the floor {decimal(floor)}", "bad"
    if alpha["low"] is not None and alpha["low"] < floor:
        return f"Above the floor {decimal(floor)}, not surely", "warn"
    return f"Above the floor {decimal(floor)}", "ok"
