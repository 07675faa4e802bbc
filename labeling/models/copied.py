"""Copy what a campaign asks about into another: prompts, completions and pairs, never a judgment.

A statement a table, however many rows. New ids are drawn before anything is written, in the order
of the old ones, so that what points at a row is copied by looking its new id up, and the completion
with the lower id keeps it. The tables of ids go with the transaction.
"""

from django.db import connection

_IDS = """
CREATE TEMPORARY TABLE copied_{table} ON COMMIT DROP AS
SELECT old, nextval(pg_get_serial_sequence('labeling_{table}', 'id')) AS new
FROM (SELECT t.id AS old FROM labeling_{table} t {where} ORDER BY t.id) s
"""
_OF = {
    "prompt": "WHERE t.campaign_id = %(source)s",
    "source": "WHERE t.campaign_id = %(source)s",
    "completion": "JOIN copied_prompt p ON p.old = t.prompt_id",
    "comparison": "WHERE t.campaign_id = %(source)s",
}
_ROWS = (
    """
    INSERT INTO labeling_prompt (id, public_id, campaign_id, messages, content_hash, external_id,
      tags, metadata, language)
    SELECT i.new, gen_random_uuid(), %(target)s, t.messages, t.content_hash, t.external_id,
      t.tags, t.metadata, t.language
    FROM labeling_prompt t JOIN copied_prompt i ON i.old = t.id
    """,
    """
    INSERT INTO labeling_source (id, campaign_id, model, params, key)
    SELECT i.new, %(target)s, t.model, t.params, t.key
    FROM labeling_source t JOIN copied_source i ON i.old = t.id
    """,
    """
    INSERT INTO labeling_completion (id, public_id, prompt_id, source_id, messages, content_hash,
      char_count, header_count, bold_count, list_count, finish_reason, marks, token_times)
    SELECT i.new, gen_random_uuid(), p.new, s.new, t.messages, t.content_hash, t.char_count,
      t.header_count, t.bold_count, t.list_count, t.finish_reason, t.marks, t.token_times
    FROM labeling_completion t JOIN copied_completion i ON i.old = t.id
    JOIN copied_prompt p ON p.old = t.prompt_id JOIN copied_source s ON s.old = t.source_id
    """,
    # How a pair was chosen belongs to the round it was chosen for.
    """
    INSERT INTO labeling_comparison (id, public_id, campaign_id, prompt_id, completion_a_id,
      completion_b_id, external_id, is_turned, selection_policy)
    SELECT i.new, gen_random_uuid(), %(target)s, p.new, a.new, b.new, t.external_id, t.is_turned, ''
    FROM labeling_comparison t JOIN copied_comparison i ON i.old = t.id
    JOIN copied_prompt p ON p.old = t.prompt_id
    JOIN copied_completion a ON a.old = t.completion_a_id
    JOIN copied_completion b ON b.old = t.completion_b_id
    """,
    """
    INSERT INTO labeling_gold (comparison_id, preference, strength, explanation, clause)
    SELECT i.new, t.preference, t.strength, t.explanation, t.clause
    FROM labeling_gold t JOIN copied_comparison i ON i.old = t.comparison_id
    WHERE t.retired_at IS NULL
    """,
    # The same files: one is deleted with the last row that names it.
    """
    INSERT INTO labeling_image (public_id, campaign_id, source_hash, file, media_type, byte_count,
      width, height)
    SELECT gen_random_uuid(), %(target)s, source_hash, file, media_type, byte_count, width, height
    FROM labeling_image WHERE campaign_id = %(source)s
    """,
)


def copy_texts(*, source_id: int, target_id: int) -> int:
    """Copy all texts and pairs of a campaign, known answers included; how many pairs.

    Within the caller's transaction, into a campaign that has none.
    """
    parameters = {"source": source_id, "target": target_id}
    with connection.cursor() as cursor:
        for table, where in _OF.items():
            cursor.execute(_IDS.format(table=table, where=where), parameters)
        for statement in _ROWS:
            cursor.execute(statement, parameters)
        cursor.execute("SELECT count(*) FROM copied_comparison")
        ((count,),) = cursor.fetchall()
        for table in _OF:
            # A caller's transaction may copy twice.
            cursor.execute(f"DROP TABLE copied_{table}")
        return int(count)
