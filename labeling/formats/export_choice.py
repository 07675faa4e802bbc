"""What an export may be asked for, with the defaults of each layout, checked in one place."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from labeling.errors import FieldProblem, InvalidInputError
from labeling.formats.export_rows import RULES, TIES, Edits, Ties
from labeling.formats.layouts import LAYOUTS

RATERS = ("human", "judge", "all")
GOLD = ("keep", "drop")
HISTORY = ("0", "1")
# Judgments that a decision about a rater's work leaves out.
EXCLUDED = ("leave_out", "include")
# A rater's improved text as a pair of its own, chosen over the one it came from.
EDITS: tuple[Edits, ...] = ("drop", "add", "only")
# Words of the public surface that a later version will answer.
LATER_LAYOUTS = (
    "trl-implicit",
    "kto",
    "stepwise",
    "sft",
    "openai-dpo",
    "axolotl",
    "llama-factory",
    "rewardbench",
    "arena",
    "ultrafeedback",
)
LATER_RULES = ("dawid_skene", "bradley_terry", "soft", "per_group")


class ExportChoice(Struct, frozen=True, kw_only=True):
    """One way to write a campaign's judgments; `choose` makes only those that have a meaning."""

    layout: str
    rule: str
    ties: Ties
    raters: str
    keeps_gold: bool
    with_history: bool
    edits: Edits
    keeps_excluded: bool = False
    # Of a frozen round: only what was judged in it. Not a parameter of the live export.
    only_round: int | None = None

    @property
    def keeps_repeats(self) -> bool:
        """Whether a rater's hidden repeats are written: in the plain record of every judgment."""
        return self.layout == "native" and self.rule == "each"

    def words(self) -> dict[str, str]:
        """The choice as the parameters that make it, every default spelled out."""
        return {
            "layout": self.layout,
            "rule": self.rule,
            "ties": self.ties,
            "raters": self.raters,
            "gold": "keep" if self.keeps_gold else "drop",
            "history": "1" if self.with_history else "0",
            "edits": self.edits,
            "excluded": "include" if self.keeps_excluded else "leave_out",
        }


PARAMETERS = ("layout", "rule", "ties", "raters", "gold", "history", "edits", "excluded")


def choose(asked: Mapping[str, str]) -> ExportChoice:
    """The choice that `asked` names; InvalidInputError tells what is allowed where it is none.

    Training layouts take people's verdicts on pairs nobody knew the answer to. The native record
    of every judgment leaves out nothing that stands, but for practice, which nothing takes, and
    what a decision about a rater's work excludes.
    """
    problems: list[FieldProblem] = []

    def word(name: str, default: str, allowed: Iterable[str], later: Iterable[str] = ()) -> str:
        given = asked.get(name, default)
        if given in allowed:
            return given
        known = ", ".join(allowed)
        if given in later:
            message = f"“{given}” is not available in this version. Available: {known}."
        else:
            message = f"One of {known}."
        problems.append(FieldProblem(name, message))
        return default

    for name in sorted(set(asked) - set(PARAMETERS)):
        known = ", ".join(PARAMETERS)
        problems.append(FieldProblem(name, f"Unknown here; an export knows {known}."))
    layout = word("layout", "native", LAYOUTS, LATER_LAYOUTS)
    rule = word("rule", "each", RULES, LATER_RULES)
    is_native = layout == "native"
    is_whole = is_native and rule == "each"
    ties = word("ties", "keep" if is_native else "drop", TIES)
    raters = word("raters", "all" if is_whole else "human", RATERS)
    gold = word("gold", "keep" if is_native else "drop", GOLD)
    history = word("history", "0", HISTORY)
    edits = word("edits", "drop", EDITS)
    excluded = word("excluded", "leave_out", EXCLUDED)
    if is_native and ties == "split":
        message = "The native record has one row for a tie: keep or drop."
        problems.append(FieldProblem("ties", message))
    if history == "1" and not is_whole:
        message = "Superseded judgments are written with layout=native and rule=each only."
        problems.append(FieldProblem("history", message))
    if edits != "drop" and is_native:
        message = "The native record carries each edit in its field `edited`."
        problems.append(FieldProblem("edits", message))
    elif edits != "drop" and rule != "each":
        message = "An edit belongs to one judgment: its pair is written with rule=each only."
        problems.append(FieldProblem("edits", message))
    if problems:
        first = problems[0]
        raise InvalidInputError(f"{first.field}: {first.message}", problems=problems)
    return ExportChoice(
        layout=layout,
        rule=rule,
        ties=next(known for known in TIES if known == ties),
        raters=raters,
        keeps_gold=gold == "keep",
        with_history=history == "1",
        edits=next(known for known in EDITS if known == edits),
        keeps_excluded=excluded == "include",
    )
