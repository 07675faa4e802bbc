"""Campaigns to begin with: settings and starter guidelines for what is asked most often. Pure.

Each is a whole set of settings, as JSON that labeling.schemas and labeling.policy read, and
guidelines in Markdown with clauses and worked examples. Where one is modelled on a published
protocol its `source` says which, and its summary what differs. They are meant to be changed.
"""

from labeling.campaign_templates import assistants, protocols, tasks
from labeling.campaign_templates.template import Template

TEMPLATES: tuple[Template, ...] = (
    assistants.HELPFULNESS,
    assistants.HARMLESSNESS,
    tasks.SUMMARISATION,
    tasks.CODE,
    tasks.TRANSLATION,
    tasks.AGENTS,
    protocols.INSTRUCTGPT,
    protocols.LLAMA2,
    protocols.HELPSTEER,
    protocols.ARENA,
)


def template_of(key: str) -> Template | None:
    """The template that is called so, if there is one."""
    return next((one for one in TEMPLATES if one.key == key), None)


__all__ = ["TEMPLATES", "Template", "template_of"]
