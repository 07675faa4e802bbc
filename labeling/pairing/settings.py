"""How pairs may be chosen, as typed values with their defaults."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from labeling.errors import refused
from labeling.schemas import read_struct

Rule = Literal["all", "baseline", "adjacent", "random", "uncertain", "topk"]
RULES: Final[tuple[Rule, ...]] = ("all", "baseline", "adjacent", "random", "uncertain", "topk")
# These need to know who stands where before they can choose.
RANKED: Final = frozenset({"adjacent", "topk"})
# These give each candidate the same chance, so that nothing needs to be mixed in.
EVEN: Final = frozenset({"all", "random"})
# These choose better the more is known, so that they may choose again while raters work.
LEARNING: Final = frozenset({"adjacent", "uncertain", "topk"})


class PairingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What a rule is given; what is of another rule is left at its default."""

    # Of a rule that prefers some pairs: the share of its draws dealt evenly over all the others.
    uniform_share: Annotated[float, Meta(ge=0.1, le=0.2)] = 0.15
    # Of "baseline": the model that all others are compared with.
    baseline: Annotated[str, Meta(max_length=500)] = ""
    # Of "topk": how many places are to be settled.
    k: Annotated[int, Meta(ge=1, le=100)] = 3
    # Of a rule that learns: judgments after which the next pairs are chosen; None: all at once.
    every: Annotated[int, Meta(ge=10, le=100_000)] | None = None


def read_pairing(rule: str, value: Any) -> tuple[Rule, PairingSettings]:
    """The rule and its settings; InvalidInputError names what is wrong with either."""
    found = next((known for known in RULES if known == rule), None)
    if found is None:
        raise refused("pairing", f"Write one of {', '.join(RULES)}.")
    settings = read_struct(PairingSettings, value, "pairing_settings")
    if found == "baseline" and not settings.baseline:
        raise refused(
            "pairing_settings.baseline", "Name the model that all others are compared with."
        )
    if settings.every is not None and found not in LEARNING:
        raise refused(
            "pairing_settings.every",
            f"Only the rules {', '.join(sorted(LEARNING))} choose again as votes come in.",
        )
    return found, settings
