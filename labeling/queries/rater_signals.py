"""What speaks about one rater's work in a campaign, read from their judgments and the pool's."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db import connection

from labeling.metrics.near_duplicates import Alike, near_duplicates
from labeling.metrics.rater_counts import PASTED_CHARS, Work, is_fast
from labeling.metrics.rater_quality import Pool, Signal
from labeling.metrics.votes import Votes
from labeling.models import Campaign, Completion, Prompt, Rater
from labeling.policy import read_policy
from labeling.rendering.messages import plain_text

# So many of the rater's own newest judgments are read, and of everybody else's. Each costs the
# texts that it is about.
OWN_JUDGMENTS: Final = 2_000
POOL_JUDGMENTS: Final = 4_000
# Seconds at which a bar of the chart of speed ends; the last is open.
SPEED_STEP: Final = 15
SPEED_BARS: Final = 9
SHOWN_PAIRS: Final = 8

# Standing judgments of people, practice left out, in the order given; as they stood at `before`.
_ROWS = """
SELECT j.id, j.comparison_id, j.rater_id,
  array_position(ARRAY['a', 'b', 'tie', 'both_bad'], j.preference::text) - 1,
  coalesce(array_position(ARRAY['a', 'b'], j.shown_left::text) - 1, -1),
  j.is_repeat, coalesce(j.active_ms, -1), j.client, j.rationale, j.judged_at,
  coalesce(array_position(ARRAY['a', 'b', 'tie', 'both_bad'], g.preference::text) - 1, -1),
  c.prompt_id, c.completion_a_id, c.completion_b_id,
  CASE WHEN x.messages IS NULL THEN -1 ELSE x.char_count END,
  CASE WHEN y.messages IS NULL THEN -1 ELSE y.char_count END
FROM (
  (SELECT * FROM labeling_judgment WHERE campaign_id = %(campaign)s AND rater_id = %(rater)s
      AND created_at < %(before)s::timestamptz
    ORDER BY id DESC LIMIT %(own)s)
  UNION ALL
  (SELECT * FROM labeling_judgment WHERE campaign_id = %(campaign)s AND rater_id <> %(rater)s
      AND created_at < %(before)s::timestamptz
    ORDER BY id DESC LIMIT %(pool)s)) j
JOIN labeling_comparison c ON c.id = j.comparison_id
JOIN labeling_rater r ON r.id = j.rater_id AND r.kind = 'human'
JOIN labeling_completion x ON x.id = c.completion_a_id
JOIN labeling_completion y ON y.id = c.completion_b_id
LEFT JOIN labeling_gold g ON g.comparison_id = c.id AND g.retired_at IS NULL
LEFT JOIN labeling_round u ON u.id = c.round_id
WHERE u.kind IS DISTINCT FROM 'qualification'
  AND NOT EXISTS (SELECT FROM labeling_judgment l
    WHERE l.supersedes_id = j.id AND l.created_at < %(before)s::timestamptz)
  AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = j.id)
ORDER BY j.judged_at, j.id
"""


@dataclass(frozen=True)
class Said:
    """A reason of the rater's that is nearly another one."""

    text: str
    other: str
    is_own: bool
    at: datetime
    share: float


@dataclass(frozen=True)
class Evidence:
    """All that speaks about one rater: figures, what they are of, speed beside the pool's."""

    signals: list[Signal]
    together: float
    judgment_count: int
    other_raters: int
    # Shares of judgments by steps of 15 seconds; None where no time is known.
    own_speed: list[float] | None
    pool_speed: list[float] | None
    median_ms: float | None
    pool_median_ms: float | None
    words_median: int | None
    nearest: list[Said]
    # How many of the rater's judgments took less time than reading needs: `fast_judgments`.
    fast_count: int

    @property
    def strongest(self) -> list[Signal]:
        """The signals that weigh most, strong ones, or else those with some weight."""
        for weight in ("strong", "some"):
            if found := [one for one in self.signals if one.weight == weight]:
                return found
        return []


def evidence_of(
    campaign: Campaign, rater: Rater, *, before: datetime | None = None
) -> Evidence | None:
    """The evidence on the rater's newest judgments beside the pool's newest; None without any.

    As it stood at `before`, if given.
    """
    rows = _rows(campaign, rater, own=OWN_JUDGMENTS, pool=POOL_JUDGMENTS, before=before)
    mine = [row[2] == rater.pk for row in rows]
    if not any(mine):
        return None
    work, pairs = _work(rows, with_texts=True)
    names = work.votes.raters
    place = names.index(str(rater.pk))
    pool = Pool(work, gold_bar=read_policy(campaign.policy).gold_bar)
    is_mine = np.array(mine)
    times = work.votes.active_ms
    return Evidence(
        signals=pool.signals(place),
        together=pool.together(place),
        judgment_count=int(is_mine.sum()),
        other_raters=len(names) - 1,
        own_speed=_speed(times[is_mine]),
        pool_speed=_speed(times[~is_mine]),
        median_ms=_median(times[is_mine & (times >= 0)]),
        pool_median_ms=_median(times[~is_mine & (times >= 0)]),
        words_median=int(np.median(work.words[is_mine])),
        nearest=_nearest(rows, pairs, rater),
        fast_count=int((is_fast(np.array([row[6] for row in rows]), work.words) & is_mine).sum()),
    )


def fast_judgments(campaign: Campaign, rater: Rater) -> list[int]:
    """Internal ids of those of the rater's newest judgments, as many as the evidence is of, that
    stand and took less time than reading needs.
    """
    rows = _rows(campaign, rater, own=OWN_JUDGMENTS, pool=0)
    if not rows:
        return []
    words = _words(rows)
    fast = is_fast(np.array([row[6] for row in rows]), words)
    return [row[0] for row, flagged in zip(rows, fast, strict=True) if flagged]


def chances_of_all(campaign: Campaign, *, most: int = 100_000) -> dict[int, float]:
    """For each rater of the newest `most` judgments, by internal id: how rarely a careful one would
    be so far out in all that is taken together. What `Evidence.together` says, in one reading.
    """
    rows = _rows(campaign, None, own=0, pool=most)
    if not rows:
        return {}
    work, _ = _work(rows, with_texts=False)
    pool = Pool(work, gold_bar=read_policy(campaign.policy).gold_bar)
    return {int(name): pool.together(place) for place, name in enumerate(work.votes.raters)}


def _rows(
    campaign: Campaign, rater: Rater | None, *, own: int, pool: int, before: datetime | None = None
) -> list[tuple[Any, ...]]:
    values = {
        "campaign": campaign.pk,
        "rater": rater.pk if rater else 0,
        "own": own,
        "pool": pool,
        "before": before or "infinity",
    }
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _work(rows: Sequence[tuple[Any, ...]], *, with_texts: bool) -> tuple[Work, list[Alike]]:
    columns = list(zip(*rows, strict=True))
    item, rater, clients, reasons = columns[1], columns[2], columns[7], columns[8]
    votes = Votes.from_columns(
        comparison=item,
        rater=rater,
        preference=columns[3],
        shown_left=columns[4],
        is_repeat=[int(flag) for flag in columns[5]],
        active_ms=columns[6],
        length_a=columns[14],
        length_b=columns[15],
        model_names={},
        rater_names={key: str(key) for key in set(rater)},
    )
    known = dict(zip(item, columns[10], strict=True))
    pairs = near_duplicates(reasons) if with_texts else []
    alike = {place for pair in pairs for place in (pair.first, pair.second)}
    clients = tuple(_read(client) for client in clients)
    work = Work(
        votes=votes,
        known=np.array([known[key] for key in votes.item_keys.tolist()], dtype=np.int8),
        words=_words(rows),
        is_measured=np.array([bool(client.get("script")) for client in clients]),
        has_paste=np.array([_pasted(client) for client in clients]),
        has_copy=np.array([_copied(client) for client in clients]),
        has_return=np.array([client.get("return_count", 0) > 0 for client in clients]),
        keystrokes=np.array([client.get("keystrokes", -1) for client in clients]),
        rationale_chars=np.array([len(reason) for reason in reasons]),
        is_alike=np.array([place in alike for place in range(len(rows))]),
    )
    return work, pairs


def _read(client: Any) -> Mapping[str, Any]:
    # Django's cursors leave JSON as the text it is.
    read = json.loads(client) if isinstance(client, str) else client
    return read if isinstance(read, Mapping) else {}


def _pasted(client: Mapping[str, Any]) -> bool:
    return any(
        one.get("into") == "rationale" and one.get("chars", 0) >= PASTED_CHARS
        for one in client.get("pastes", ())
    )


def _copied(client: Mapping[str, Any]) -> bool:
    return any(one.get("from") == "prompt" for one in client.get("copies", ()))


def _words(rows: Sequence[tuple[Any, ...]]) -> Any:
    """Words of each row's prompt and both texts; a text that is not known has none."""
    prompts = {row[11] for row in rows}
    texts = {key for row in rows for key in row[12:14]}
    of_prompt = _counts(Prompt.objects.filter(pk__in=prompts).values_list("pk", "messages"))
    of_text = _counts(Completion.objects.filter(pk__in=texts).values_list("pk", "messages"))
    return np.array(
        [
            of_prompt.get(row[11], 0) + of_text.get(row[12], 0) + of_text.get(row[13], 0)
            for row in rows
        ]
    )


def _counts(messages: Iterable[tuple[int, Any]]) -> dict[int, int]:
    return {
        key: sum(len(plain_text(one.get("content")).split()) for one in said or ())
        for key, said in messages
    }


def _speed(times: Any) -> list[float] | None:
    known = times[times >= 0]
    if not len(known):
        return None
    bars = np.minimum(known // (SPEED_STEP * 1000), SPEED_BARS - 1)
    shares = np.bincount(bars, minlength=SPEED_BARS) / len(known)
    return [float(share) for share in shares]


def _median(times: Any) -> float | None:
    return float(np.median(times)) if len(times) else None


def _nearest(rows: Sequence[tuple[Any, ...]], pairs: Sequence[Alike], rater: Rater) -> list[Said]:
    """The rater's reasons that are nearly another one, those of others first, then the newest."""
    said = []
    for pair in pairs:
        one, other = rows[pair.second], rows[pair.first]
        if one[2] != rater.pk:
            one, other = other, one
        if one[2] == rater.pk:
            said.append(Said(one[8], other[8], other[2] == rater.pk, one[9], pair.share))
    unique = {(one.text, one.other): one for one in said}
    return sorted(unique.values(), key=lambda one: (one.is_own, -one.at.timestamp()))[:SHOWN_PAIRS]
