"""What a number of judgments can tell apart, and how long it takes to make them. Pure.

Formulas and sources are in docs/METRICS.md, Planning.
"""

from math import sqrt
from typing import Final

# Two-sided 5 %, and a power of 80 %.
Z_ALPHA: Final = 1.959964
Z_POWER: Final = 0.841621
# Silent reading of English prose: Brysbaert (2019), "How many words do we read per minute?",
# Journal of Memory and Language 109, 104047.
WORDS_A_MINUTE: Final = 238
# A stated guess, where nothing was measured: to choose, and for each further question.
SECONDS_TO_CHOOSE: Final = 15
SECONDS_A_QUESTION: Final = 5
# Judgments needed beside independent ones where items differ: from, to.
ITEM_EFFECTS: Final = (1.5, 3.5)


def win_rate_told_apart(judgments: float) -> float | None:
    """The win rate that so many decisive judgments tell from a half, at 80 % power.

    0.5 + (z_.975 + z_.80) · 0.5 / √n. None where even a rate of 1 could not be told.
    """
    if judgments <= 0:
        return None
    rate = 0.5 + (Z_ALPHA + Z_POWER) * 0.5 / sqrt(judgments)
    return rate if rate < 1 else None


def seconds_to_judge(words: float, questions: int) -> float:
    """How long a judgment of so many words takes, with so many questions beside the preference."""
    return 60 * words / WORDS_A_MINUTE + SECONDS_TO_CHOOSE + SECONDS_A_QUESTION * questions
