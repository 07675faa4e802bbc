"""What is planted in the demo: the strength of its five made-up models, and its twelve raters, of
two backgrounds; and the pull of length, which is lost where texts arrive as written.

The completions in labeling/demo_data are written to these manners, so that a person who reads them
comes to the same order.
"""

from dataclasses import replace

from labeling.simulation.raters import Manner, SimulatedRater

# What raters are divided by in the finished campaign, and what the one half sees in a model beyond
# what the other does: those who write code like it short, those who write prose like it friendly.
ATTRIBUTE = "background"
BACKGROUNDS = ("code", "prose")

MANNERS = {
    "larch-large": Manner(1.4, {"helpful": 1.3, "truthful": 1.1, "harmless": 0.7}),
    "cedar-small": Manner(
        0.5,
        {"helpful": 0.1, "truthful": 1.0, "harmless": 0.4},
        tastes={"code": 0.6, "prose": -0.6},
    ),
    "alder-tuned": Manner(0.4, {"helpful": 0.5, "truthful": 0.8, "harmless": 0.6}),
    "rowan-plain": Manner(
        0.0,
        {"helpful": 0.2, "truthful": 0.1, "harmless": 0.3},
        tastes={"code": -0.5, "prose": 0.5},
    ),
    "aspen-draft": Manner(-1.6, {"helpful": -1.0, "truthful": -2.0, "harmless": -0.9}),
}

RATERS = (
    SimulatedRater("simulated-01", noise=0.5),
    SimulatedRater("simulated-02", noise=0.5, tie_width=0.5),
    SimulatedRater("simulated-03", noise=0.6, chars_per_second=50),
    SimulatedRater("simulated-04", noise=0.6, tie_width=0.2),
    SimulatedRater("simulated-05", noise=0.7, chars_per_second=90),
    SimulatedRater("simulated-06", noise=0.7, tie_width=0.6),
    SimulatedRater("simulated-07", noise=0.8),
    SimulatedRater("simulated-08", noise=0.8, left_liking=0.3),
    # Likes length, takes no ties, is in doubt about much, does not read: one of each.
    SimulatedRater("simulated-09", noise=0.7, length_liking=0.5),
    SimulatedRater("simulated-10", noise=0.7, tie_width=0.0, length_liking=0.2),
    SimulatedRater("simulated-11", noise=1.3, tie_width=0.9),
    SimulatedRater("simulated-12", noise=0.8, left_liking=0.6, carelessness=0.7),
)

# The same people where their backgrounds are noted, half of them of either.
IN_GROUPS = tuple(
    replace(rater, group=BACKGROUNDS[place % 2]) for place, rater in enumerate(RATERS)
)
# By presentation arm, what each doubling of length adds to an answer, to everyone alike: so far
# apart that a campaign as small as the demo's can tell the arms from one another.
LENGTH_PULL = {"at once": 0.7, "as written": -0.1}
