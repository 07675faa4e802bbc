"""The SQL of an import, in the order in which it runs over a chunk.

Staged rows become prompts, completions and comparisons: comparisons known by id, prompts,
completions, new comparisons, gold. Each is one statement over the whole chunk. A staged row ends
with the id of what it means, or with the field and the problem that keep it out.
"""

# Rows of one chunk refer to each other by their place in it, `i`. It is a key, so that a join by it
# is an index scan even where the planner takes the table for empty.
# Texts lie apart from what is resolved, since every update of a row writes it anew.
TABLES = {
    "stage_prompt_text": (
        "i int PRIMARY KEY, messages jsonb, language text, tags text[], metadata jsonb"
    ),
    "stage_completion_text": ("i int PRIMARY KEY, messages jsonb, marks text[], token_times jsonb"),
    "stage_prompt": ("i int PRIMARY KEY, ext text, pub uuid, hash bytea"),
    "stage_completion": (
        "i int PRIMARY KEY, p int, hash bytea, source bytea, model text, params jsonb, "
        "has_text boolean, chars int, headers int, bold int, lists int"
    ),
    "stage_comparison": (
        "i int PRIMARY KEY, ext text, pub uuid, p int, a int, b int, is_early boolean, "
        "same_as int, is_crossed boolean, gold text, gold_strength smallint, explanation text, "
        "clause text"
    ),
}
# What resolving fills in.
RESULTS = {
    "stage_prompt": "id bigint, is_new boolean DEFAULT false, field text, problem text",
    "stage_completion": (
        "id bigint, first int, is_wanted boolean DEFAULT false, is_new boolean DEFAULT false"
    ),
    "stage_comparison": (
        "seen bigint, id bigint, turned boolean, is_new boolean DEFAULT false, "
        "is_new_gold boolean DEFAULT false, field text, problem text"
    ),
}

# Does a staged completion mean this stored one? What the row does not say fits anything.
_FITS = """({x}.i IS NULL OR (
  (NOT {x}.has_text OR {k}.messages IS NULL OR {x}.hash = {k}.content_hash)
  AND ({x}.model IS NULL OR {x}.model = {o}.model)
  AND ({x}.params = '{{}}' OR {x}.source = {o}.key)))"""


def _fits(staged: str, stored: str) -> str:
    return _FITS.format(x=f"x{staged}", k=f"k{stored}", o=f"o{stored}")


SEE_BY_ID = """
UPDATE stage_comparison s SET seen = coalesce(
  (SELECT c.id FROM labeling_comparison c
    WHERE c.campaign_id = %(campaign)s AND c.external_id = s.ext),
  -- Our own id, as the API and exports tell it.
  (SELECT c.id FROM labeling_comparison c
    WHERE c.campaign_id = %(campaign)s AND c.public_id = s.pub))
WHERE s.ext IS NOT NULL
"""
# After the chunk's own comparisons are stored: later lines that name one of them.
SEE_NEW = """
UPDATE stage_comparison s SET seen = d.id FROM stage_comparison d
WHERE d.is_new AND d.ext = s.ext AND s.id IS NULL AND s.problem IS NULL AND NOT s.is_early
"""
MATCH_SEEN = f"""
UPDATE stage_comparison t SET
  id = CASE WHEN NOT f.other_prompt AND (f.straight OR f.crossed) THEN f.id END,
  turned = CASE WHEN f.straight AND f.crossed THEN f.is_turned ELSE f.crossed END,
  field = CASE WHEN f.other_prompt THEN 'prompt'
    WHEN NOT f.straight AND NOT f.crossed THEN 'completion_a' END,
  problem = CASE WHEN f.other_prompt THEN
      'Conflict: this comparison_id is known with another prompt. Give the row another id.'
    WHEN NOT f.straight AND NOT f.crossed THEN
      'Conflict: this comparison_id is known with other completions. Give the row another id.' END
FROM (
  SELECT s.i, c.id, c.is_turned,
    CASE WHEN p.hash IS NOT NULL THEN p.hash <> q.content_hash
      WHEN p.ext IS NULL THEN false
      ELSE p.ext IS DISTINCT FROM q.external_id AND p.pub IS DISTINCT FROM q.public_id END
      AS other_prompt,
    {_fits("a", "a")} AND {_fits("b", "b")} AS straight,
    {_fits("a", "b")} AND {_fits("b", "a")} AS crossed
  FROM stage_comparison s
  JOIN labeling_comparison c ON c.id = s.seen
  JOIN labeling_prompt q ON q.id = c.prompt_id
  JOIN labeling_completion ka ON ka.id = c.completion_a_id
  JOIN labeling_source oa ON oa.id = ka.source_id
  JOIN labeling_completion kb ON kb.id = c.completion_b_id
  JOIN labeling_source ob ON ob.id = kb.source_id
  LEFT JOIN stage_prompt p ON p.i = s.p
  LEFT JOIN stage_completion xa ON xa.i = s.a
  LEFT JOIN stage_completion xb ON xb.i = s.b
  WHERE s.id IS NULL AND s.problem IS NULL
) f WHERE t.i = f.i
"""

# Staged comparisons that say all it takes to make them.
_WHOLE = """s.id IS NULL AND s.problem IS NULL AND s.same_as IS NULL
  AND s.p IS NOT NULL AND s.a IS NOT NULL AND s.b IS NOT NULL"""

CHOOSE_ALL_PROMPTS = "CREATE TEMP TABLE wanted_prompt ON COMMIT DROP AS SELECT i FROM stage_prompt"
CHOOSE_PROMPTS = f"""
CREATE TEMP TABLE wanted_prompt ON COMMIT DROP AS
SELECT DISTINCT s.p AS i FROM stage_comparison s WHERE {_WHOLE}
"""
NEW_PROMPTS = """
UPDATE stage_prompt t SET is_new = true, id = f.id FROM (
  SELECT i, nextval(pg_get_serial_sequence('labeling_prompt', 'id')) AS id FROM (
  SELECT DISTINCT ON (s.ext, CASE WHEN s.ext IS NULL THEN s.hash END) s.i
  FROM stage_prompt s JOIN wanted_prompt w USING (i)
  WHERE s.hash IS NOT NULL AND CASE WHEN s.ext IS NULL
    THEN NOT EXISTS (SELECT FROM labeling_prompt q
      WHERE q.campaign_id = %(campaign)s AND q.content_hash = s.hash)
    ELSE NOT EXISTS (SELECT FROM labeling_prompt q
      WHERE q.campaign_id = %(campaign)s AND q.external_id = s.ext)
      AND NOT EXISTS (SELECT FROM labeling_prompt q
      WHERE q.campaign_id = %(campaign)s AND q.public_id = s.pub) END
  ORDER BY s.ext, CASE WHEN s.ext IS NULL THEN s.hash END, s.i) first
) f WHERE t.i = f.i
"""
INSERT_PROMPTS = """
INSERT INTO labeling_prompt
  (id, public_id, campaign_id, external_id, content_hash, messages, language, tags, metadata)
SELECT s.id, gen_random_uuid(), %(campaign)s, s.ext, s.hash, x.messages, x.language, x.tags,
  x.metadata
FROM stage_prompt s JOIN stage_prompt_text x USING (i) WHERE s.is_new
"""
RESOLVE_PROMPTS = """
UPDATE stage_prompt t SET
  id = CASE WHEN f.is_same THEN f.id END,
  field = CASE WHEN NOT f.is_same THEN 'prompt' WHEN f.id IS NULL THEN 'prompt_id' END,
  problem = CASE
    WHEN NOT f.is_same THEN
      'Conflict: this prompt_id is known with another text. Give the row another prompt_id.'
    WHEN f.id IS NULL THEN
      'No prompt with this id is known. Give its text too, or import the prompts first.' END
FROM (
  SELECT s.i, q.id, coalesce(s.hash = q.content_hash, true) AS is_same
  FROM stage_prompt s JOIN wanted_prompt w USING (i)
  LEFT JOIN LATERAL (
    SELECT id, content_hash FROM (
      SELECT id, content_hash, 0 AS rank FROM labeling_prompt
      WHERE campaign_id = %(campaign)s AND s.ext IS NOT NULL AND external_id = s.ext
      UNION ALL
      SELECT id, content_hash, 1 FROM labeling_prompt
      WHERE campaign_id = %(campaign)s AND s.ext IS NOT NULL AND public_id = s.pub
      UNION ALL
      (SELECT id, content_hash, 2 FROM labeling_prompt
      WHERE campaign_id = %(campaign)s AND s.ext IS NULL AND content_hash = s.hash
      ORDER BY external_id IS NOT NULL, id LIMIT 1)
    ) known ORDER BY rank LIMIT 1
  ) q ON true
  WHERE NOT s.is_new
) f WHERE t.i = f.i
"""

WANT_COMPLETIONS = f"""
UPDATE stage_completion t SET is_wanted = true FROM (
  SELECT s.a AS i FROM stage_comparison s WHERE {_WHOLE}
  UNION SELECT s.b FROM stage_comparison s WHERE {_WHOLE}) f
WHERE t.i = f.i
"""
SAME_COMPLETIONS = """
UPDATE stage_completion t SET id = k.id
FROM stage_prompt p, labeling_source o, labeling_completion k
WHERE t.is_wanted AND t.id IS NULL AND p.i = t.p AND o.campaign_id = %(campaign)s
  AND o.key = t.source AND k.prompt_id = p.id AND k.content_hash = t.hash AND k.source_id = o.id
"""
# A text without a model means that text of whatever model, if the prompt has one.
TEXT_COMPLETIONS = """
UPDATE stage_completion t SET id = f.id FROM (
  SELECT DISTINCT ON (s.i) s.i, k.id FROM stage_completion s
  JOIN stage_prompt p ON p.i = s.p
  JOIN labeling_completion k ON k.prompt_id = p.id AND k.content_hash = s.hash
  WHERE s.is_wanted AND s.id IS NULL AND s.model IS NULL AND s.params = '{}'
    AND s.has_text ORDER BY s.i, k.id
) f WHERE t.i = f.i
"""
# A model without a text means that model's answer, if the prompt has one.
MODEL_COMPLETIONS = """
UPDATE stage_completion t SET id = f.id FROM (
  SELECT DISTINCT ON (s.i) s.i, k.id FROM stage_completion s
  JOIN stage_prompt p ON p.i = s.p
  JOIN labeling_source o ON o.campaign_id = %(campaign)s AND o.model = s.model
    AND (s.params = '{}' OR o.key = s.source)
  JOIN labeling_completion k ON k.prompt_id = p.id AND k.source_id = o.id
  WHERE s.is_wanted AND s.id IS NULL AND NOT s.has_text
  ORDER BY s.i, k.messages IS NULL, k.id
) f WHERE t.i = f.i
"""
INSERT_SOURCES = """
INSERT INTO labeling_source (campaign_id, model, params, key)
SELECT DISTINCT ON (s.source) %(campaign)s, s.model, s.params, s.source
FROM stage_completion s WHERE s.is_wanted AND s.id IS NULL ORDER BY s.source, s.i
ON CONFLICT DO NOTHING
"""
# What is left is new; rows that resolve to the same completion share one id. Ids follow the file.
FIRST_COMPLETIONS = """
UPDATE stage_completion t SET first = f.first FROM (
  SELECT s.i, min(s.i) OVER (PARTITION BY p.id, s.hash, s.source) AS first
  FROM stage_completion s JOIN stage_prompt p ON p.i = s.p
  WHERE s.is_wanted AND s.id IS NULL AND p.id IS NOT NULL
) f WHERE t.i = f.i
"""
NEW_COMPLETIONS = """
UPDATE stage_completion t SET id = f.id, is_new = true FROM (
  SELECT i, nextval(pg_get_serial_sequence('labeling_completion', 'id')) AS id
  FROM (SELECT i FROM stage_completion WHERE first = i ORDER BY i) ordered
) f WHERE t.i = f.i
"""
SHARED_COMPLETIONS = """
UPDATE stage_completion t SET id = o.id FROM stage_completion o
WHERE o.i = t.first AND t.id IS NULL AND t.first IS NOT NULL
"""
INSERT_COMPLETIONS = """
INSERT INTO labeling_completion (id, public_id, prompt_id, source_id, messages, content_hash,
  char_count, header_count, bold_count, list_count, finish_reason, marks, token_times)
SELECT s.id, gen_random_uuid(), p.id, o.id, x.messages, s.hash, s.chars, s.headers, s.bold,
  s.lists, '', coalesce(x.marks, '{}'), x.token_times
FROM stage_completion s JOIN stage_prompt p ON p.i = s.p
LEFT JOIN stage_completion_text x ON x.i = s.i
JOIN labeling_source o ON o.campaign_id = %(campaign)s AND o.key = s.source
WHERE s.is_new
"""

REFUSE_PAIRS = f"""
UPDATE stage_comparison t SET field = f.field, problem = f.problem FROM (
  SELECT s.i, coalesce(p.field, 'completion_b') AS field, coalesce(p.problem,
    'The two completions are one: the same text of the same model. There is nothing to compare.')
    AS problem
  FROM stage_comparison s JOIN stage_prompt p ON p.i = s.p
  JOIN stage_completion xa ON xa.i = s.a JOIN stage_completion xb ON xb.i = s.b
  WHERE {_WHOLE} AND (p.problem IS NOT NULL OR xa.id = xb.id)
) f WHERE t.i = f.i
"""
# Without an id, a pair means the comparison of it that is known, one without an id first.
KNOWN_BY_PAIR = f"""
UPDATE stage_comparison t SET id = f.id, turned = f.turned FROM (
  SELECT DISTINCT ON (s.i) s.i, c.id, xa.id > xb.id AS turned
  FROM stage_comparison s
  JOIN stage_completion xa ON xa.i = s.a JOIN stage_completion xb ON xb.i = s.b
  JOIN labeling_comparison c ON c.completion_a_id = least(xa.id, xb.id)
    AND c.completion_b_id = greatest(xa.id, xb.id)
  WHERE s.ext IS NULL AND {_WHOLE} ORDER BY s.i, c.external_id IS NOT NULL, c.id
) f WHERE t.i = f.i
"""
# What is left is new; rows without an id that mean the same pair share one comparison.
NEW_COMPARISONS = f"""
UPDATE stage_comparison t SET id = f.id, is_new = true, turned = xa.id > xb.id FROM (
  SELECT first, nextval(pg_get_serial_sequence('labeling_comparison', 'id')) AS id FROM (
    SELECT min(s.i) AS first FROM stage_comparison s
    JOIN stage_completion xa ON xa.i = s.a JOIN stage_completion xb ON xb.i = s.b
    WHERE {_WHOLE}
    GROUP BY s.ext, CASE WHEN s.ext IS NULL THEN least(xa.id, xb.id) END,
      CASE WHEN s.ext IS NULL THEN greatest(xa.id, xb.id) END ORDER BY 1) ordered
) f, stage_completion xa, stage_completion xb
WHERE t.i = f.first AND xa.i = t.a AND xb.i = t.b
"""
INSERT_COMPARISONS = """
INSERT INTO labeling_comparison (id, public_id, campaign_id, prompt_id, completion_a_id,
  completion_b_id, external_id, is_turned, selection_policy)
SELECT s.id, gen_random_uuid(), %(campaign)s, p.id, least(xa.id, xb.id), greatest(xa.id, xb.id),
  s.ext, s.turned, 'given'
FROM stage_comparison s JOIN stage_prompt p ON p.i = s.p
JOIN stage_completion xa ON xa.i = s.a JOIN stage_completion xb ON xb.i = s.b
WHERE s.is_new
"""
SAME_AS = """
UPDATE stage_comparison t SET id = o.id, turned = o.turned <> t.is_crossed, field = o.field,
  problem = o.problem
FROM stage_comparison o
WHERE o.i = t.same_as AND t.same_as IS NOT NULL AND t.id IS NULL AND t.problem IS NULL
"""
REFUSE_UNKNOWN = """
UPDATE stage_comparison SET field = 'comparison_id', problem =
  'No comparison with this id is known. Give its prompt and completions too, or import the '
  'comparisons first.'
WHERE id IS NULL AND problem IS NULL
"""

_GOLD = """CASE WHEN s.turned AND s.gold IN ('a', 'b')
  THEN CASE s.gold WHEN 'a' THEN 'b' ELSE 'a' END ELSE s.gold END"""
NEW_GOLD = """
UPDATE stage_comparison t SET is_new_gold = true FROM (
  SELECT DISTINCT ON (s.id) s.i FROM stage_comparison s
  WHERE s.gold IS NOT NULL AND s.id IS NOT NULL
    AND NOT EXISTS (SELECT FROM labeling_gold g WHERE g.comparison_id = s.id)
  ORDER BY s.id, s.i
) f WHERE t.i = f.i
"""
INSERT_GOLD = f"""
INSERT INTO labeling_gold (comparison_id, preference, strength, explanation, clause)
SELECT s.id, {_GOLD}, s.gold_strength, s.explanation, s.clause
FROM stage_comparison s WHERE s.is_new_gold ORDER BY s.i ON CONFLICT DO NOTHING
"""
REFUSE_GOLD = f"""
UPDATE stage_comparison s SET field = 'gold', problem =
  'Conflict: this comparison has another known answer. Retire that one first.'
FROM labeling_gold g
WHERE g.comparison_id = s.id AND s.gold IS NOT NULL
  AND (g.preference <> {_GOLD} OR g.strength IS DISTINCT FROM s.gold_strength)
"""

CREATE_JUDGMENTS = """
CREATE TEMP TABLE stage_judgment (n int, ext text, pub uuid, hash bytea, comparison bigint,
  rater bigint, preference text) ON COMMIT DROP
"""
# What is known of each staged judgment: its id with which words, its words without an id, and
# whether the rater has judged the comparison before.
KNOWN_JUDGMENTS = """
SELECT s.n,
  CASE WHEN e.id IS NOT NULL THEN e.row_hash = s.hash
    WHEN own.id IS NOT NULL THEN own.comparison_id = s.comparison AND own.rater_id = s.rater
      AND own.preference = s.preference END AS is_same_by_id,
  h.id IS NOT NULL AS is_known,
  EXISTS (SELECT FROM labeling_judgment m WHERE m.comparison_id = s.comparison
    AND m.rater_id = s.rater) AS has_met
FROM stage_judgment s
LEFT JOIN labeling_judgment e ON e.campaign_id = %(campaign)s AND e.external_id = s.ext
LEFT JOIN labeling_judgment own ON own.campaign_id = %(campaign)s AND own.public_id = s.pub
LEFT JOIN labeling_judgment h ON h.campaign_id = %(campaign)s AND h.row_hash = s.hash
  AND h.external_id IS NULL AND s.ext IS NULL
"""
