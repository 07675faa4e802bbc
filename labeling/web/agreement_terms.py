"""What each number of the page of agreement means, and where it comes from."""

from typing import Final

from labeling.web.report_shell import Definition

ALPHA: Final = "krippendorff_alpha_ordinal"
# Each definition: its key in the report, its name, what it means, where it comes from.
MEASURES: Final = (
    Definition(
        ALPHA,
        "Krippendorff’s alpha, ordinal",
        "One minus observed over expected disagreement, with A, tie, B in order: A against B costs"
        " more than A against a tie. Copes with any pattern of missing raters. The headline.",
        "Krippendorff 2011",
    ),
    Definition(
        "krippendorff_alpha_nominal",
        "Krippendorff’s alpha, nominal",
        "The same, with every disagreement costing the same: a near miss to a tie counts as much"
        " as the opposite.",
        "Krippendorff 2011",
    ),
    Definition(
        "krippendorff_alpha_interval",
        "Krippendorff’s alpha, interval",
        "The same with A, tie, B as −1, 0, +1 and squared distance: opposite sides cost four times"
        " what a side against a tie does.",
        "Krippendorff 2011",
    ),
    Definition(
        "krippendorff_alpha_interval_score",
        "Krippendorff’s alpha, full score",
        "The same on the score from −3 (A much better) to +3 (B much better), squared distance:"
        " rewards agreement on strength.",
        "Krippendorff 2011",
    ),
    Definition(
        "percent_agreement",
        "Percent, pooled",
        "Agreeing pairs of raters over all pairs of raters, ties a category. Items with more"
        " raters weigh more.",
    ),
    Definition(
        "percent_agreement_item_mean",
        "Percent, mean over items",
        "The share of agreeing pairs within each item, then the mean. Every item weighs the same.",
    ),
    Definition(
        "percent_agreement_decisive",
        "Percent, decisive only",
        "Pooled, after every tie is dropped: when two raters both chose a side, was it the same?",
    ),
    Definition(
        "percent_agreement_decisive_item_mean",
        "Percent, decisive, mean over items",
        "The same within each item, then the mean.",
    ),
    Definition(
        "half_credit",
        "Percent, half credit",
        "One for the same answer, a half when exactly one of two raters said tie, nothing for"
        " opposite sides.",
    ),
    Definition(
        "cohen_kappa_mean",
        "Cohen’s kappa, mean",
        "Kappa of each two raters over at least 20 items they share, weighed by how many they"
        " share: agreement beyond what each one’s habits would bring by chance.",
        "Cohen 1960",
    ),
    Definition(
        "fleiss_kappa",
        "Fleiss’ kappa",
        "General form, for any number of raters an item: mean agreement against the sum of the"
        " squared mean shares of the answers.",
        "Fleiss 1971",
    ),
    Definition(
        "gwet_ac1",
        "Gwet’s AC1",
        "The same observed agreement with a chance term that stays calm when one answer is rare.",
        "Gwet 2008",
    ),
    Definition(
        "leave_one_out_majority",
        "Leave-one-out majority",
        "Each vote against the most common answer of the others, on items with three votes or"
        " more. A shared first place counts in part.",
    ),
    Definition(
        "leave_one_out_majority_item_mean",
        "Leave-one-out majority, mean over items",
        "The same within each item, then the mean.",
    ),
    Definition(
        "intra_rater",
        "Same rater, asked again",
        "Hidden repeats: the same comparison later, sides swapped. The ceiling for agreement"
        " between people.",
    ),
)
# Terms of the tables below the definitions.
KAPPA_QUADRATIC: Final = Definition(
    "kappa-quadratic",
    "Cohen’s kappa, quadratic",
    "Kappa of each two raters on an ordered scale: a disagreement costs the square of its distance."
    " The mean weighs a pair by the items it shares, 20 at least.",
    "Cohen 1968",
)
ALPHA_SCALE: Final = Definition(
    "alpha-scale",
    "Alpha, interval",
    "Krippendorff’s alpha on the steps of the scale, squared distance.",
    "Krippendorff 2011",
)
SCALE: Final = Definition(
    "scale",
    "Scale",
    "The same answers read on a coarser scale. Two steps: which side, ties left out. Four: slightly"
    " or more, ties left out. Seven: all that was said.",
)
TIES: Final = Definition(
    "ties",
    "Ties",
    "Share of votes for a tie or “both bad”. Where nearly all are ties alpha rests on few items.",
)
PAIR_KAPPA: Final = Definition(
    "pair-kappa",
    "Kappa",
    "Cohen’s kappa of these two raters over the items both judged. Of many pairs some are low by"
    " chance alone: look at the interval.",
    "Fleiss, Cohen and Everitt 1969",
)
WITHIN: Final = Definition(
    "within",
    "Within a group",
    "Votes of the group’s raters alone are compared. Groups with fewer raters than may be shown are"
    " withheld, and others with them, so that they cannot be told from the rest.",
    "Cox 1980",
)
WINDOW: Final = Definition(
    "window",
    "Items begun",
    "Items by the day or week (UTC, from Monday) of their first vote, and agreement on these"
    " alone.",
)
TERMS: Final = (KAPPA_QUADRATIC, ALPHA_SCALE, SCALE, TIES, PAIR_KAPPA, WITHIN, WINDOW)
