"""Votes as columns: the one input of every metric, cheap to fill from columns of a query."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints: TypeAlias = NDArray[np.signedinteger[Any]]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

# Codes of a preference, as stored, in the comparison's own order.
A: Final = 0
B: Final = 1
TIE: Final = 2
BOTH_BAD: Final = 3
UNKNOWN: Final = -1

# Answers are the categories of agreement and ranking, in their order on the scale: "both bad"
# counts as a tie. An answer less one is the value -1, 0 or +1.
ANSWER_A: Final = 0
ANSWER_TIE: Final = 1
ANSWER_B: Final = 2
_ANSWERS: Final = {A: ANSWER_A, B: ANSWER_B, TIE: ANSWER_TIE, BOTH_BAD: ANSWER_TIE}
ANSWER_OF_PREFERENCE: Final = np.array([_ANSWERS[code] for code in sorted(_ANSWERS)], dtype=np.int8)


@dataclass(frozen=True, eq=False, slots=True)
class Votes:
    """Standing votes and the items they are about; an index, length or code of -1 is unknown.

    The rows of one rater are in the order in which they were given: the first vote of a rater
    on an item is the one that counts between raters. `item_keys` are the caller's own numbers
    of the items and appear in no result.
    """

    item: Ints
    rater: Ints
    preference: Ints
    shown_left: Ints
    strength: Ints
    is_repeat: Bools
    active_ms: Ints
    item_keys: Ints
    item_model_a: Ints
    item_model_b: Ints
    item_length_a: Ints
    item_length_b: Ints
    models: tuple[str, ...]
    raters: tuple[str, ...]

    def __post_init__(self) -> None:
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        for of, names in (("item", _VOTE_COLUMNS), ("item_keys", _ITEM_COLUMNS)):
            for name in names:
                if columns[name].shape != (len(columns[of]),):
                    raise ValueError(f"{name} must be one column as long as {of}")
        limits = {
            "item": (0, self.item_count),
            "rater": (0, len(self.raters)),
            "preference": (A, BOTH_BAD + 1),
            "shown_left": (UNKNOWN, B + 1),
            "item_model_a": (UNKNOWN, len(self.models)),
            "item_model_b": (UNKNOWN, len(self.models)),
        }
        for name, (low, end) in limits.items():
            column = columns[name]
            if column.size and (column.min() < low or column.max() >= end):
                raise ValueError(f"{name} must lie from {low} to {end - 1}")

    def __len__(self) -> int:
        return len(self.item)

    @property
    def item_count(self) -> int:
        """How many items there are, with votes or without."""
        return len(self.item_keys)

    @property
    def answer(self) -> Ints:
        """Each vote's category: 0 for a, 1 for a tie or both bad, 2 for b."""
        return ANSWER_OF_PREFERENCE[self.preference]

    @property
    def is_decisive(self) -> Bools:
        """Whether each vote chose a side."""
        return self.preference <= B

    def answer_counts(self) -> Ints:
        """Votes of each item for a, for neither and for b: one row per item."""
        return self._counts(self.answer, 3)

    def preference_counts(self) -> Ints:
        """Votes of each item by preference code, with ties and both bad apart."""
        return self._counts(self.preference, 4)

    def score_counts(self) -> Ints:
        """Votes of each item by score from -3 (A much better) to +3; unknown strength left out."""
        known = ~self.is_decisive | (self.strength >= 0)
        size = np.where(self.is_decisive, np.clip(self.strength, 0, 3), 0)
        score = (self.answer.astype(np.int64) - 1) * size
        return self.select(known)._counts(score[known] + 3, 7)

    def _counts(self, code: Ints, width: int) -> Ints:
        cells = self.item.astype(np.int64) * width + code
        counts = np.bincount(cells, minlength=self.item_count * width)
        return counts.reshape(self.item_count, width)

    def select(self, rows: Bools | Ints) -> Self:
        """The chosen votes; items, models and raters keep their numbers."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _VOTE_COLUMNS})

    def first_votes(self) -> Self:
        """One vote for each rater and item: the first, a hidden repeat only for want of another."""
        is_first = self.is_first_vote()
        return self if is_first.all() else self.select(is_first)

    def is_first_vote(self) -> Bools:
        """Which votes `first_votes` keeps."""
        key = self.item.astype(np.int64) * max(len(self.raters), 1) + self.rater
        # A stable sort keeps the given order among the votes of one rater on one item.
        order = np.argsort(key * 2 + self.is_repeat, kind="stable")
        ordered = key[order]
        is_first = np.ones(len(key), dtype=np.bool_)
        is_first[order[1:]] = ordered[1:] != ordered[:-1]
        return is_first

    @classmethod
    def from_columns(
        cls,
        *,
        comparison: ArrayLike,
        rater: ArrayLike,
        preference: ArrayLike,
        model_names: Mapping[int, str],
        rater_names: Mapping[int, str],
        shown_left: ArrayLike | None = None,
        strength: ArrayLike | None = None,
        is_repeat: ArrayLike | None = None,
        active_ms: ArrayLike | None = None,
        model_a: ArrayLike | None = None,
        model_b: ArrayLike | None = None,
        length_a: ArrayLike | None = None,
        length_b: ArrayLike | None = None,
    ) -> Self:
        """Votes from one row per judgment, with the comparison's columns repeated in each row.

        Numbers of comparisons, raters and models may be anything (a database's ids). Models of
        one name are one model. A column left out is unknown throughout.
        """
        item_keys, first_row, item = np.unique(
            np.asarray(comparison, dtype=np.int64), return_index=True, return_inverse=True
        )
        rater_keys, rater_index = np.unique(np.asarray(rater, dtype=np.int64), return_inverse=True)
        count = len(item)

        def column(values: ArrayLike | None, kind: type[np.signedinteger[Any]]) -> Ints:
            if values is None:
                return np.full(count, UNKNOWN, dtype=kind)
            return np.asarray(values, dtype=kind)

        ids_a = column(model_a, np.int64)[first_row]
        ids_b = column(model_b, np.int64)[first_row]
        model_ids = np.unique(np.concatenate([ids_a, ids_b]))
        model_ids = model_ids[model_ids >= 0]
        names = [model_names[int(key)] for key in model_ids]
        models = tuple(sorted(set(names)))
        place = {name: index for index, name in enumerate(models)}
        # The last cell stands for "unknown", which is -1 and so picks the last.
        index_of_id = np.array([place[name] for name in names] + [UNKNOWN], dtype=np.int32)

        def model_index(ids: Ints) -> Ints:
            return index_of_id[np.where(ids >= 0, np.searchsorted(model_ids, ids), UNKNOWN)]

        repeat = np.zeros(count, np.bool_) if is_repeat is None else np.asarray(is_repeat) > 0
        return cls(
            item=item.astype(np.int32),
            rater=rater_index.astype(np.int32),
            preference=column(preference, np.int8),
            shown_left=column(shown_left, np.int8),
            strength=column(strength, np.int8),
            is_repeat=repeat,
            active_ms=column(active_ms, np.int64),
            item_keys=item_keys,
            item_model_a=model_index(ids_a),
            item_model_b=model_index(ids_b),
            item_length_a=column(length_a, np.int64)[first_row],
            item_length_b=column(length_b, np.int64)[first_row],
            models=models,
            raters=tuple(rater_names[int(key)] for key in rater_keys),
        )


_VOTE_COLUMNS: Final = (
    "item",
    "rater",
    "preference",
    "shown_left",
    "strength",
    "is_repeat",
    "active_ms",
)
_ITEM_COLUMNS: Final = ("item_model_a", "item_model_b", "item_length_a", "item_length_b")
