"""The templates a campaign may start with: each is whole, and says where it comes from."""

import pytest

from labeling.campaign_templates import TEMPLATES, Template, template_of
from labeling.clauses import clauses_of, read_examples
from labeling.policy import read_policy
from labeling.schemas import read_presentation, read_requirements, read_schema

WANTED = {
    "helpfulness",
    "harmlessness",
    "summarisation",
    "code",
    "translation",
    "agents",
    "instructgpt",
    "llama2",
    "helpsteer",
    "arena",
}


def test_there_is_one_for_each_errand() -> None:
    assert {template.key for template in TEMPLATES} == WANTED
    assert template_of("code") in TEMPLATES
    assert template_of("nothing") is None


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_each_can_be_stored_and_its_examples_fit_its_clauses(template: Template) -> None:
    read_schema(template.schema)
    read_presentation(template.presentation)
    read_requirements(template.requirements)
    read_policy(template.policy)
    clauses = [clause["id"] for clause in clauses_of(template.guidelines)]
    assert len(clauses) >= 3
    assert len(read_examples(list(template.examples), clauses)) >= 2
    assert 1 <= template.overlap <= 100


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_an_example_answers_what_its_template_asks(template: Template) -> None:
    schema = read_schema(template.schema)
    for example in template.examples:
        if example["preference"] == "tie":
            assert schema.has_tie
        if example["preference"] == "both_bad":
            assert schema.both_bad
        assert example.get("strength", 1) <= 3


def test_those_modelled_on_a_protocol_name_it() -> None:
    for key in ("instructgpt", "llama2", "helpsteer", "arena", "summarisation", "agents"):
        template = template_of(key)
        assert template is not None
        assert "arXiv" in template.source
