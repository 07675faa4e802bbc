"""What the page of the ranking says in words: how firm the order is, and what style changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Row = Mapping[str, Any]
# An order that so small a share of the votes turns is said to be open.
FRAGILE: Final = 0.02
STYLES: Final = {
    "length": "Length",
    "headers": "Headings",
    "bold": "Bold",
    "lists": "Lists",
    "side": "Shown on the left",
}
PLACES: Final = ("The top", "Second place", "Third place", "Fourth place", "Fifth place")
# So many neighbouring pairs are put into words; the table has the others.
SAID: Final = 2


@dataclass(frozen=True)
class Note:
    """A remark with its lead; `hue` is ok or warn."""

    lead: str
    text: str
    hue: str


def firmness(section: Row, board: Sequence[Row]) -> list[Note]:
    """The top and second place in a sentence each, by votes to turn them and rank ranges."""
    places = {row["model"]: k for k, row in enumerate(board)}
    ranks = {row["model"]: (row["rank_low"], row["rank_high"]) for row in board}
    controlled = [row["model"] for row in section["style"]["rows"]]
    notes = []
    for flip in section["flips"]["rows"][:SAID]:
        upper, lower = flip["upper"], flip["lower"]
        place = places.get(upper)
        if place is None or place >= len(PLACES) or lower not in ranks:
            continue
        is_apart = ranks[upper][1] < ranks[lower][0]
        is_firm = is_apart and flip["share"] >= FRAGILE
        lead = f"{PLACES[place]} is firm." if is_firm else f"{PLACES[place]} is not firm."
        turned = (
            upper in controlled
            and lower in controlled
            and controlled.index(lower) < controlled.index(upper)
        )
        text = (
            f"{flip['count']:,} of {section['flips']['judgment_count']:,} votes"
            f" ({share(flip['share'])}), {removed_words(flip)}, are enough to take away for"
            f" {lower} to stand above {upper}"
        )
        text += ", and style control swaps them already." if turned else "."
        if not is_apart:
            text += (
                f" Their rank ranges overlap: write “{_range(ranks[upper])}” and"
                f" “{_range(ranks[lower])}”."
            )
        notes.append(Note(lead, text, "ok" if is_firm and not turned else "warn"))
    return notes


def removed_words(flip: Row) -> str:
    """Which votes turn a pair, in a few words."""
    wins = sum(part["count"] for part in flip["removed"] if part["winner"] == flip["upper"])
    if wins == flip["count"]:
        return f"all of them wins of {flip['upper']}" if wins > 1 else f"a win of {flip['upper']}"
    losses = flip["count"] - wins
    if not wins:
        return f"losses of {flip['lower']}"
    return f"{wins:,} wins of {flip['upper']} and {losses:,} losses of {flip['lower']}"


def style_words(section: Row) -> str:
    """Which styles change what is preferred, and what one sd of length is."""
    style = section["style"]
    if not style["coefficients"]:
        return ""
    weighed = [one for one in style["coefficients"] if one["style"] != "side"]
    sure = [STYLES[one["style"]].lower() for one in weighed if one["low"] > 0 or one["high"] < 0]
    parts = []
    if weighed and not sure:
        parts.append("No style surely differs from nothing.")
    elif len(sure) < len(weighed):
        verb = "differs" if len(sure) == 1 else "differ"
        parts.append(f"Only {listed(sure)} {verb} from nothing.")
    for one in style["coefficients"]:
        if one["style"] == "length" and one["sd"] and one["sd"] < 1:
            times = (1 + one["sd"]) / (1 - one["sd"])
            parts.append(f"One sd of length is an answer {times:.1f} times as long as the other.")
    if style["judgments_left_out"]:
        parts.append(
            f"{style['judgments_left_out']:,} votes on texts that are not known are left out."
        )
    return " ".join(parts)


def left_out_words(left_out: Mapping[str, str]) -> list[tuple[str, str]]:
    """The styles without a coefficient, those with one reason together."""
    by_reason: dict[str, list[str]] = {}
    for style, name in STYLES.items():
        if style in left_out:
            by_reason.setdefault(left_out[style], []).append(name.lower())
    return [(listed(names), why) for why, names in by_reason.items()]


def listed(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return ", ".join(names[:-1]) + (" and " if names[:-1] else "") + names[-1]


def moved(row: Row) -> tuple[str, str]:
    """How many places control of style moves a model: "up 1", "down 2" or nothing; and its hue."""
    places = row["plain_place"] - row["place"]
    if not places:
        return "", ""
    return (f"up {places}", "") if places > 0 else (f"down {-places}", "")


def part_reading(row: Row) -> tuple[str, str]:
    """What a part's board shows beside the whole, and its hue."""
    if not row["board"]:
        return "Too few", ""
    if not row["is_connected"]:
        return "Not connected", "warn"
    if row["differs"] is None:
        return "Not compared", ""
    return ("Differs", "warn") if row["differs"] else ("No sign", "ok")


def part_remark(row: Row) -> str:
    """Why a part has no board or no difference, its components by name; or nothing."""
    if row["components"]:
        return f"No wins both ways between {'; '.join(map(listed, row['components']))}."
    return str(row.get("why") or row.get("note") or "")


def largest_difference(row: Row) -> Row | None:
    """The line of a part's board that differs most surely from the whole."""
    lines = [line for line in row["board"] if "difference" in line]
    return min(lines, key=lambda line: (line["difference"]["q"], line["model"]), default=None)


def signed(points: float) -> str:
    """Points with their sign, and a proper minus."""
    return f"{points:+,.0f}".replace("-", "−")


def share(value: float) -> str:
    """A share of the votes, small ones with a decimal."""
    return f"{value * 100:.1f} %"


def rank(low: int, high: int) -> str:
    """A rank range as "2–3"."""
    return str(low) if low == high else f"{low}–{high}"


def _range(limits: tuple[int, int]) -> str:
    low, high = limits
    return f"rank {low}" if low == high else f"rank {low} to {high}"
