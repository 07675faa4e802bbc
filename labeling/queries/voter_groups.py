"""The groups that a campaign's raters stand in, and what the report says of them.

Groups come from what managers or imported files note of raters, from skills and from languages,
which raters set themselves. Age, gender and the other details given under consent are none of it:
raters were promised that these are kept apart from their judgments (`queries/demographics.py`
counts raters, never judgments).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labeling.metrics.disagreement import disagreement
from labeling.metrics.group_report import group_rows
from labeling.metrics.groups import Attribute, Grouping, shown_groups
from labeling.metrics.votes import UNKNOWN, Votes
from labeling.models import Campaign, Comparison, Rater, Seat, Skill
from labeling.policy import read_policy
from labeling.queries.demographics import smallest_shown
from labeling.queries.outcomes import Outcomes
from labeling.skills import DECLARED, language_tag, same_name

NO_GROUPS = (
    "Nothing tells the raters apart: no groups, skills or languages are noted of two kinds of them."
)
NO_VOTES = "No person has judged a comparison whose answer is not known."
HAS_IT, HAS_NOT = "yes", "not noted"


def groupings_of(campaign: Campaign, read: Outcomes) -> list[Grouping]:
    """By what the campaign's voters are told apart, and which of the groups may be shown."""
    votes = _open_votes(read).first_votes()
    if not len(votes):
        return []
    is_voter = np.bincount(votes.rater, minlength=len(votes.raters)) > 0
    attributes = attributes_of(campaign, read.rater_keys, is_voter.tolist())
    return shown_groups(attributes, votes, smallest=_smallest(campaign))


def group_report(
    campaign: Campaign, read: Outcomes, groupings: Sequence[Grouping]
) -> tuple[list[dict[str, Any]], str]:
    """The report's `groups`, a row for each attribute, and why there is none."""
    votes = _open_votes(read).first_votes()
    if not len(votes):
        return [], NO_VOTES
    rows = group_rows(votes, groupings, smallest=_smallest(campaign))
    _name_items(rows, votes)
    return rows, "" if rows else NO_GROUPS


def disagreement_report(read: Outcomes) -> dict[str, Any]:
    """The report's `disagreement`: taste or noise, and items by how their votes are split."""
    return disagreement(_open_votes(read))


def noted_groups(campaign: Campaign, rater_keys: Sequence[int]) -> list[Mapping[str, str]]:
    """What is noted of each rater: by attribute, the group."""
    seats = Seat.objects.filter(campaign=campaign, rater__in=list(rater_keys))
    noted = dict(seats.values_list("rater_id", "groups"))
    return [noted.get(key, {}) for key in rater_keys]


def attributes_of(
    campaign: Campaign, rater_keys: Sequence[int], is_voter: Sequence[bool]
) -> list[Attribute]:
    """What tells voters apart, what is known of most of them first: noted, skills, languages."""
    noted = noted_groups(campaign, rater_keys)
    names = Counter(
        name
        for groups, votes in zip(noted, is_voter, strict=True)
        if votes
        for name, group in groups.items()
        if group
    )
    found = [
        Attribute(name, "noted", [str(groups.get(name, "")) for groups in noted])
        for name, _ in sorted(names.items(), key=lambda row: (-row[1], row[0]))
    ]
    found += _skills(rater_keys)
    found += _languages(rater_keys)
    return [one for one in found if len(_groups_among(one, is_voter)) > 1]


def _smallest(campaign: Campaign) -> int:
    return smallest_shown(read_policy(campaign.policy))


def _groups_among(attribute: Attribute, is_voter: Sequence[bool]) -> set[str]:
    return {
        group for group, votes in zip(attribute.groups, is_voter, strict=True) if votes and group
    }


def _skills(rater_keys: Sequence[int]) -> list[Attribute]:
    """Skills that somebody vouches for or raters have shown; what they only declare is none."""
    having: dict[str, set[int]] = defaultdict(set)
    rows = Skill.objects.filter(rater__in=list(rater_keys)).exclude(source=DECLARED)
    for rater, name in rows.values_list("rater_id", "name"):
        having[same_name(name)].add(rater)
    return [
        Attribute(name, "skill", [HAS_IT if key in having[name] else HAS_NOT for key in rater_keys])
        for name in sorted(having, key=lambda name: (-len(having[name]), name))
    ]


def _languages(rater_keys: Sequence[int]) -> list[Attribute]:
    """Languages among the raters who name any."""
    rows = Rater.objects.filter(pk__in=list(rater_keys)).values_list("pk", "languages")
    spoken = {pk: {language_tag(one) for one in languages} for pk, languages in rows}
    counts = Counter(tag for tags in spoken.values() for tag in tags)
    return [
        Attribute(tag, "language", [_answer(spoken.get(key, set()), tag) for key in rater_keys])
        for tag, _ in sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    ]


def _answer(spoken: set[str], tag: str) -> str:
    if not spoken:
        return ""
    return HAS_IT if tag in spoken else HAS_NOT


def _open_votes(read: Outcomes) -> Votes:
    """People's votes on items whose answer is not known."""
    votes = read.votes
    is_judge = np.asarray(read.is_judge, dtype=np.bool_)
    if not len(votes):
        return votes
    return votes.select(~is_judge[votes.rater] & (read.gold[votes.item] == UNKNOWN))


def _name_items(rows: list[dict[str, Any]], votes: Votes) -> None:
    """Give the items their public ids, and a and b as the comparisons themselves have them."""
    items = [one for row in rows for one in row.get("items", {}).get("rows", [])]
    keys = {int(votes.item_keys[one["item"]]) for one in items}
    known = {
        pk: (str(public_id), is_turned)
        for pk, public_id, is_turned in Comparison.objects.filter(pk__in=keys).values_list(
            "pk", "public_id", "is_turned"
        )
    }
    for one in items:
        one["comparison_id"], is_turned = known[int(votes.item_keys[one["item"]])]
        if not is_turned:
            continue
        one["model_a"], one["model_b"] = one["model_b"], one["model_a"]
        one["groups"].reverse()
        for group in one["groups"]:
            group["mean"] = -group["mean"] or 0.0
            share = group["share_a"]
            share["value"] = 1 - share["value"]
            share["low"], share["high"] = 1 - share["high"], 1 - share["low"]
