"""The pairs of pushed completions: those that filters let through, made as comparisons."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from labeling.actions.sifting import sift
from labeling.errors import refused
from labeling.formats import filters
from labeling.models import Campaign, Comparison, Completion, slot_pairs
from labeling.models.slot_pairs import Wanted

# Of one push, those that are there already counted in: 500 samples of one prompt would be 124,750.
MAX_PAIRS = 20_000
SELECTION = "pushed"
Key = tuple[int, bytes, int]
Pair = tuple[int, int, int]


@dataclass
class Paired:
    """What became of pushed completions, by their ids."""

    comparisons: int = 0
    # Those that make no pairs, each for its reason.
    left_out: dict[int, str] = field(default_factory=dict)
    # With how many others one is not paired, by the reason.
    unpaired: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def pair_pushed(
    *,
    campaign: Campaign,
    pushed: Mapping[Key, int],
    old: Collection[int],
    pairing: str,
    chosen: Mapping[str, str],
) -> Paired:
    """Filter what was pushed and what it meets, and make the pairs that are left.

    The campaign is held, so nobody makes them too. Rows of one prompt may come in several batches:
    those of the same sources are paired as well. `old` are the sources that they are compared with.
    """
    paired = Paired()
    sources = {key[2] for key in pushed}
    looked_at = set(pushed.values())
    pairs: set[Pair] = set()
    if pairing != "none":
        of_prompt = _there(pushed, sources | set(old))
        pairs = _pairs(of_prompt, pushed, old, paired, is_all=pairing == "all")
        looked_at |= {pk for _, a, b in pairs for pk in (a, b)}
        if chosen[filters.NEAR_IDENTICAL] != filters.KEEP:
            # A sample that makes no pair may still be the one that a later one repeats.
            looked_at |= {pk for ones in of_prompt.values() for pk, *_ in ones}
    marked: list[tuple[int, str]] = []
    for prompt, ones in groupby(_texts(looked_at, sources), key=lambda one: one.prompt_id):
        sifted = sift(list(ones), chosen)
        paired.left_out |= sifted.dropped
        marked += sifted.marked
        for a, b in sifted.alike:
            if (prompt, a, b) in pairs and not {a, b} & sifted.dropped.keys():
                pairs.remove((prompt, a, b))
                for one in (a, b):
                    paired.unpaired[one][filters.NEAR_IDENTICAL] += 1
    slot_pairs.sort_out(marked=marked)
    paired.comparisons = _make(campaign, {p for p in pairs if not {*p[1:]} & {*paired.left_out}})
    return paired


def _there(
    pushed: Mapping[Key, int], sources: Collection[int]
) -> dict[int, list[tuple[int, bytes, int]]]:
    """The completions of the pushed ones' prompts by these sources, by prompt."""
    found = Completion.objects.filter(
        prompt_id__in={key[0] for key in pushed}, source_id__in=sources, messages__isnull=False
    )
    of_prompt: dict[int, list[tuple[int, bytes, int]]] = defaultdict(list)
    for pk, prompt, text, source in found.order_by("pk").values_list(
        "pk", "prompt_id", "content_hash", "source_id"
    ):
        of_prompt[prompt].append((pk, bytes(text), source))
    return of_prompt


def _pairs(
    of_prompt: Mapping[int, list[tuple[int, bytes, int]]],
    pushed: Mapping[Key, int],
    old: Collection[int],
    paired: Paired,
    *,
    is_all: bool,
) -> set[Pair]:
    """The pairs of different texts: (prompt, completion, completion), the lower id first."""
    pairs: set[Pair] = set()
    for prompt, ones in of_prompt.items():
        # Each pair has a pushed one, so what is looked at is bounded by what is kept.
        for a, text_a, source_a in ones:
            if (prompt, text_a, source_a) not in pushed:
                continue
            for b, text_b, source_b in ones:
                if a == b or not (is_all or source_b in old):
                    continue
                if text_a == text_b:
                    paired.unpaired[a][filters.IDENTICAL] += 1
                else:
                    pairs.add((prompt, min(a, b), max(a, b)))
            if len(pairs) > MAX_PAIRS:
                raise refused(
                    "completions",
                    f"These rows would make more than {MAX_PAIRS:,} pairs, the most of one push. "
                    "Push fewer samples of a prompt at once, or name fewer models to compare with.",
                )
    return pairs


def _texts(ids: Collection[int], sources: Collection[int]) -> Iterator[Wanted]:
    """What filters look at of these completions, by prompt. Those of `sources` are a model's
    samples.
    """
    found = Completion.objects.filter(pk__in=ids, messages__isnull=False)
    for pk, prompt, source, messages, reason, language in (
        found.order_by("prompt_id", "pk")
        .values_list(
            "pk", "prompt_id", "source_id", "messages", "finish_reason", "prompt__language"
        )
        .iterator(chunk_size=500)
    ):
        position = source if source in sources else None
        yield Wanted(prompt, pk, position, messages or [], reason, language or "")


def _make(campaign: Campaign, pairs: Collection[Pair]) -> int:
    there = set(
        Comparison.objects.filter(
            completion_a__in=[a for _, a, _ in pairs], completion_b__in=[b for *_, b in pairs]
        ).values_list("completion_a", "completion_b")
    )
    made = [
        Comparison(
            campaign=campaign,
            prompt_id=prompt,
            completion_a_id=a,
            completion_b_id=b,
            selection_policy=SELECTION,
            propensity=1.0,
        )
        for prompt, a, b in sorted(pairs)
        if (a, b) not in there
    ]
    Comparison.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)
