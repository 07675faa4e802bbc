"""Parts of statements that several queries must say alike: what is right, and what is left out.

They are about judgment `j` of comparison `c` and known answer `g`, as the statements name them.
"""

from typing import Final

# Whether a judgment is right: a tie and "both bad" are one answer (docs/METRICS.md, Gold).
RIGHT_SQL: Final = """(j.preference = g.preference
    OR j.preference IN ('tie', 'both_bad') AND g.preference IN ('tie', 'both_bad'))"""
# Whether a decision about a rater's work, in force, leaves the judgment out.
LEFT_OUT_SQL: Final = """EXISTS (
    SELECT FROM labeling_excludedjudgment x JOIN labeling_exclusion e ON e.id = x.exclusion_id
    WHERE x.judgment_id = j.id AND e.undone_at IS NULL
      AND (NOT e.needs_second OR e.agreed_at IS NOT NULL) OFFSET 0)"""
# Whether reviewers left the comparison out of data sets.
LEFT_OUT_COMPARISON_SQL: Final = """EXISTS (
    SELECT FROM labeling_adjudication k
    LEFT JOIN labeling_adjudication newer ON newer.supersedes_id = k.id
    WHERE k.comparison_id = c.id AND newer.id IS NULL AND k.outcome = 'left_out' OFFSET 0)"""
