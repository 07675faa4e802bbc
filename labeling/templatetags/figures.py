"""How numbers, states and happenings are worded on the pages of a campaign."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import template

from labeling.models import AuditEvent, Campaign, Judgment
from labeling.queries.progress import Happening
from labeling.queries.review import open_count
from labeling.queries.votes import Vote, summary

register = template.Library()

# A campaign's state in words, and the class that says the same in colour.
STATES = {
    "draft": ("Draft", ""),
    "active": ("Running", "ok"),
    "paused": ("Paused", "warn"),
    "completed": ("Complete", "ok"),
    "archived": ("Archived", ""),
}
JOB_STATES = {
    "queued": ("Waiting", ""),
    "running": ("Running", "ok"),
    "succeeded": ("Done", "ok"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Cancelled", ""),
}
# What is said of an event; {n} is how often it happened in a row.
SENTENCES = {
    "judgment.submitted": ("judged a comparison", "judged {n} comparisons"),
    "judgment.revised": ("changed a judgment", "changed {n} judgments"),
    "judgment.withdrawn": ("withdrew a judgment", "withdrew {n} judgments"),
    "judge.created": ("made an LLM judge", ""),
    "judge.changed": ("changed an LLM judge", ""),
    "judge.asked": ("had an LLM judge rate", ""),
    "judge.paused": ("paused an LLM judge", ""),
    "judge.resumed": ("resumed an LLM judge", ""),
    "judge.retired": ("retired an LLM judge", ""),
    "routing.switched_on": ("let {judge} decide what it is sure of", ""),
    "routing.switched_off": ("had people decide everything again", ""),
    "routing.fell_short": ("an audit found {judge} right less often than promised", ""),
    "routing.handed_back": ("had people decide what {judge} had decided", ""),
    "routing.outdated": ("had people decide everything again: {judge} had changed", ""),
    "judge.stopped_at_budget": ("stopped an LLM judge at its budget", ""),
    "assignment.skipped": ("skipped a comparison", "skipped {n} comparisons"),
    "assignment.lost": ("answered too late", "answered too late {n} times"),
    "guidelines.published": ("published guidelines", ""),
    "guidelines.draft_begun": ("began a draft of the guidelines", ""),
    "guidelines.draft_discarded": ("threw a draft of the guidelines away", ""),
    "review.decided": ("decided a contested comparison", "decided {n} contested comparisons"),
    "review.sent_back": ("sent a comparison back", "sent {n} comparisons back"),
    "review.left_out": ("left a comparison out", "left {n} comparisons out"),
    "review.asked_again": ("asked again where a clause changed", ""),
    "campaign.created": ("created the campaign", ""),
    "campaign.cloned": ("took another campaign's settings over", ""),
    "campaign.updated": ("changed the campaign", "changed the campaign {n} times"),
    "campaign.overlap_changed": ("changed how many judgments are wanted", ""),
    "round.opened": ("opened a round", "opened {n} rounds"),
    "round.extended": ("opened more comparisons", ""),
    "round.closed": ("closed a round", "closed {n} rounds"),
    "member.added": ("added a member", "added {n} members"),
    "person.second_step_forgotten": ("took a lost second step away", ""),
    "rater.suspended": ("paused a rater", "paused {n} raters"),
    "rater.reinstated": ("let a rater go on", "let {n} raters go on"),
    "rater.qualified": ("passed the qualification", ""),
    "rater.let_in": ("let a rater in without the qualification", ""),
    "rater.changed": ("changed what is noted of a rater", "changed what is noted of {n} raters"),
    "raters.imported": ("let {rows} raters in from a file", ""),
    "skill.granted": ("gave a rater the skill {skill}", "gave raters {n} skills"),
    "skill.removed": ("took the skill {skill} from a rater", "took {n} skills from raters"),
    "entry_link.made": ("made a link for a panel", "made {n} links for panels"),
    "entry_link.closed": ("closed a link for a panel", "closed {n} links for panels"),
    "participant.entered": ("came in by a panel’s link", "came in by panels’ links, {n} times"),
    "participant.finished": ("finished the study", "finished {n} studies"),
    "guidelines.read": ("read the guidelines", ""),
    "appeal.made": ("appealed against a known answer", "made {n} appeals"),
    "appeal.decided": ("decided an appeal", "decided {n} appeals"),
    "gold.retired": ("retired a known answer", "retired {n} known answers"),
    "gold.restored": ("took a retired answer back", "took {n} retired answers back"),
    "gold.kept": ("kept a doubted answer", "kept {n} doubted answers"),
    "generation.budget_reached": ("paused a run at its budget", ""),
    "generation.budget_changed": ("changed the budget of a run", ""),
    "generation.cost_reached": ("paused a model at what it may cost", ""),
    "generation.model_paused": ("paused a model of a run", ""),
    "generation.model_resumed": ("let a model of a run go on", ""),
    "completion.pushed": ("pushed completions", "pushed completions {n} times"),
    "case.opened": ("opened a case on a rater", "opened {n} cases on raters"),
    "case.message": ("wrote to a rater", "wrote to raters {n} times"),
    "case.note": ("noted something about a rater", "noted {n} things about raters"),
    "case.reply": ("replied in a case", "replied in a case {n} times"),
    "case.decided": ("decided a case: {action}", "decided {n} times about raters’ work"),
    "exclusion.agreed": ("agreed to leave a rater’s work out", ""),
    "exclusion.undone": ("undid what was left out", "undid {n} times what was left out"),
    "rater.paused_by_rule": ("a stated rule paused a rater", "a stated rule paused {n} raters"),
    "job.queued": ("asked for a {kind}", ""),
    "job.ended": ("a job {status}", ""),
    "import.queued": ("uploaded a file of {kind}", ""),
    "import.stopped": ("stopped an import", ""),
    "sign_in.succeeded": ("signed in", "signed in {n} times"),
    "sign_in.failed": ("failed to sign in", "failed to sign in {n} times"),
    "sign_in.password_changed": ("chose another password", ""),
    "sign_in.mfa_changed": ("changed the second step of sign-in", ""),
}
ENDS = {
    "succeeded": "had a file imported",
    "failed": "had a file refused",
    "cancelled": "stopped an import",
}
MOVES = {
    "active": "started the campaign",
    "paused": "paused the campaign",
    "completed": "completed the campaign",
    "archived": "archived the campaign",
}


@register.filter
def verdict(judgment: Judgment) -> str:
    """What a judgment says, in words."""
    return Vote(judgment.preference, judgment.strength).words


@register.simple_tag
def review_count(campaign: Campaign) -> int:
    """How many comparisons wait for a reviewer; a moment old at most."""
    return open_count(campaign)


@register.filter
def said(messages: Sequence[Mapping[str, Any]]) -> str:
    """The last thing the user says, as one line."""
    return summary(messages)


@register.filter
def state_words(state: str) -> str:
    """A campaign's state as a word."""
    return STATES[state][0]


@register.filter
def state_class(state: str) -> str:
    """The class of a campaign's state."""
    return STATES[state][1]


@register.filter
def job_words(status: str) -> str:
    """A job's status as a word."""
    return JOB_STATES[status][0]


@register.filter
def job_class(status: str) -> str:
    """The class of a job's status."""
    return JOB_STATES[status][1]


@register.filter
def percent(share: float | None, decimals: int = 0) -> str:
    """0.643 as "64 %"; nothing as a dash."""
    return "–" if share is None else f"{share * 100:.{decimals}f} %"


@register.filter
def points(share: float | None) -> str:
    """A share's distance from a half as "+6.1 pts"."""
    if share is None:
        return "–"
    return f"{(share - 0.5) * 100:+.1f} pts".replace("-", "−")


@register.filter
def lean(difference: float | None) -> str:
    """A difference of two shares as "+6.1" points; nothing as a dash."""
    return "–" if difference is None else f"{difference * 100:+.1f}".replace("-", "−")


@register.filter
def decimal(value: float | None, decimals: int = 2) -> str:
    """0.6134 as "0.61", with a proper minus; nothing as a dash."""
    return "–" if value is None else f"{value:.{decimals}f}".replace("-", "−")


@register.filter
def reach(estimate: Mapping[str, Any]) -> str:
    """Half the width of an interval as "± 0.04"."""
    if estimate["value"] is None:
        return ""
    return f"± {(estimate['high'] - estimate['low']) / 2:.2f}"


@register.filter
def elo(value: float) -> str:
    """A rating without decimals."""
    return f"{value:,.0f}"


@register.filter
def seconds(milliseconds: float | None) -> str:
    """4,200 ms as "4 s"; nothing as a dash."""
    return "–" if milliseconds is None else f"{milliseconds / 1000:.0f} s"


@register.filter
def day(value: date | None) -> str:
    """A date as "26 May", with the year where it is another than this one's."""
    if value is None:
        return "–"
    written = f"{value.day} {value:%b}"
    return written if value.year == date.today().year else f"{written} {value.year}"


@register.filter
def says(happening: Happening) -> str:
    """What happened, after the name of who did it."""
    once, often = SENTENCES.get(happening.verb, ("", ""))
    sentence = often if happening.count > 1 and often else once
    if happening.verb == "import.ended":
        sentence = ENDS.get(str(happening.details.get("status")), "ended an import")
    elif happening.verb == "campaign.updated" and happening.details.get("fields") == ["state"]:
        sentence = MOVES.get(str(happening.details.get("state")), sentence)
    if not sentence:
        noun, _, verb = happening.verb.partition(".")
        sentence = f"{noun} {verb.replace('_', ' ')}"
    details = {key: str(value) for key, value in happening.details.items()}
    return sentence.format_map({"kind": "job", "status": "ended", **details, "n": happening.count})


@register.filter
def did(event: AuditEvent) -> str:
    """What one entry of the audit says was done."""
    return says(Happening(event.created_at, "", event.verb, 1, event.details, False))
