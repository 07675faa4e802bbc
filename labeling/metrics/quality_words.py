"""How each signal about a rater is called, defined and put in a sentence, for managers."""

from collections.abc import Callable, Mapping
from typing import Final

# Key: title and definition.
DEFINITIONS: Final[Mapping[str, tuple[str, str]]] = {
    "fast": (
        "Faster than reading",
        "Judgments in under 0.3 of the time that the prompt and both texts take at 238 words a"
        " minute, or under 2 seconds. Focused time only. Above 20 % a rater is looked at.",
    ),
    "left": (
        "Left wins",
        "Share of votes for the side shown on the left, of those that chose a side. Sides are dealt"
        " by lot. Strong only where it stands out among all raters (false discovery rate 1 %).",
    ),
    "longer": (
        "Longer wins",
        "Share of votes for the longer text, where lengths differ by more than 30 characters; drawn"
        " towards the pool. Length is a taste too, so this alone is never strong.",
    ),
    "gold": (
        "Known answers right",
        "Share of known answers met. A rater fails when fewer than 1 in 100 raters who are right as"
        " often as the campaign's bar asks would be right so seldom.",
    ),
    "agreement": (
        "Agrees with the others",
        "Each vote against what most others said of the comparison; where that is divided, a share"
        " of a vote. Known answers are left out.",
    ),
    "repeats": (
        "Own answer, asked again",
        "Hidden repeats with sides swapped that got the same answer as before.",
    ),
    "run": (
        "Longest run on one side",
        "The longest row of votes for one side. In n votes a row of L has a chance of about n times"
        " a half to the power L.",
    ),
    "pasted": (
        "Pasted reasons",
        "Reasons into which 20 characters or more were pasted. One's own notes paste as well.",
    ),
    "copied": (
        "Copied the prompt",
        "Judgments in which text of the prompt was copied. Looking a word up does that too.",
    ),
    "returned": (
        "Left and came back",
        "Judgments in which the window was left and come back to before the vote.",
    ),
    "typed": (
        "Reasons hardly typed",
        "Reasons of 20 characters or more with fewer than one keystroke for two characters."
        " Dictation does that too.",
    ),
    "alike": (
        "Near-duplicate reasons",
        "Reasons of 8 words or more that share over 90 % of their four-word runs with another one,"
        " by the same or another rater.",
    ),
}


def _of(sentence: str) -> Callable[[int, int], str]:
    return lambda hits, n: sentence.format(hits=f"{hits:,}", n=f"{n:,}", rest=f"{n - hits:,}")


WORDS: Final[Mapping[str, Callable[[int, int], str]]] = {
    "fast": _of("{hits} of {n} judgments whose time is known."),
    "left": _of("{hits} of {n} where one side was chosen."),
    "longer": _of("{hits} of {n} as counted, drawn towards the pool by what chance explains."),
    "gold": _of("{hits} of {n} known answers."),
    "agreement": _of("about {hits} of {n} as most of the others said."),
    "repeats": _of("{hits} of {n} asked again were answered the same."),
    "pasted": _of("{hits} of {n} reasons had text pasted into them."),
    "copied": _of("{hits} of {n}: text was copied from the prompt."),
    "returned": _of("{hits} of {n}: the window was left and come back to."),
    "typed": _of("{hits} of {n} reasons have fewer than one keystroke for two characters."),
    "alike": _of("{hits} of {n} reasons are nearly another one, of their own or of others."),
}
NOTHING: Final[Mapping[str, str]] = {
    "fast": "No judgment whose time is known.",
    "left": "No vote that chose a side has its sides recorded.",
    "longer": "No vote that chose a side between texts of unlike length.",
    "run": "No vote that chose a side has its sides recorded.",
    "gold": "No known answer met yet.",
    "agreement": "Nobody else judged the same comparisons yet.",
    "repeats": "Nothing asked again yet.",
    "pasted": "No reason written on a page that measures.",
    "copied": "No judgment on a page that measures.",
    "returned": "No judgment on a page that measures.",
    "typed": "No reason long enough on a page that measures.",
    "alike": "No reason given.",
}
