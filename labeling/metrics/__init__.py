"""The numbers: agreement, ranking, bias and raters, computed from columns of votes.

Pure: numpy and nothing else. `docs/METRICS.md` has the formula and the source of each.
"""
