"""What the page of rules calls its rules and figures, and what each of them means."""

from typing import Final

from labeling.web.report_shell import Definition

NAMES: Final = {
    "majority": "Majority",
    "dawid_skene": "Dawid–Skene",
    "bradley_terry": "Joint model",
    "soft": "Soft labels",
}
DEFINITIONS: Final = (
    Definition(
        "majority",
        NAMES["majority"],
        "The answer given most often, tie and both bad among them; two that share the first place"
        " make a tie. Every rater weighs the same.",
    ),
    Definition(
        "dawid_skene",
        NAMES["dawid_skene"],
        "Each rater’s rate of right answers, with A and with B better, and each item’s better side"
        " are found together from the votes that chose one. A tie where more than half said tie.",
        "Dawid and Skene 1979, with a prior",
    ),
    Definition(
        "bradley_terry",
        NAMES["bradley_terry"],
        "Strengths of models, reliability of raters, the pull of the left side and of length are"
        " found together; an item’s own votes are added to what the strengths say. A tie where"
        " one is likelier than not.",
        "after Chen et al. 2013 (Crowd-BT)",
    ),
    Definition(
        "soft",
        NAMES["soft"],
        "The joint model’s expected share for A, a tie being a half: nothing is rounded to a side."
        " Its logit is the margin for TRL.",
    ),
    Definition(
        "certainty",
        "Certainty",
        "Of items that get a side: the rule’s own chance of that side, on average. The majority’s"
        " is the share of its votes, which is no chance of being right.",
    ),
    Definition(
        "gold",
        "Known answers",
        "How often the rule names the side that is known to be right; a tie names none. No rule is"
        " told the known answers, and raters are weighed without them.",
    ),
    Definition(
        "reviewers",
        "Reviewers",
        "How often the rule names the side that a reviewer decided for. Reviewers see the hard"
        " items, so all rules look worse here.",
    ),
    Definition(
        "reliability",
        "Reliability",
        "The joint model’s chance that a vote of this rater that chooses a side names the better"
        " one, sides and lengths being even. Half is guessing.",
        "Chen et al. 2013",
    ),
    Definition(
        "side",
        "Pull of the left",
        "What standing on the left adds to the log-odds of being chosen, and standing on the right"
        " takes away, quality being equal.",
    ),
    Definition(
        "length",
        "Pull of length",
        "What (length A − length B)/(length A + length B) is multiplied by in the log-odds of"
        " choosing A, quality being equal. A text twice as long as the other has a third of it."
        " It shows in votes that part; what all raters of an item share counts as quality.",
    ),
    Definition(
        "longer_better",
        "Longer is better",
        "How much the same difference of lengths adds to the log-odds that A is the better one,"
        " beyond the models’ strengths. Several votes an item tell it from the pull; with one, it"
        " takes most of both, so that no vote is doubted for length alone.",
    ),
)
