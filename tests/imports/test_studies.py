"""The published studies, where the user has them, from file to database."""

from collections import Counter

import pytest

from labeling.models import Comparison, Gold, Judgment, Rater, Seat
from tests import factories
from tests.imports.files import counts, import_file

pytestmark = pytest.mark.django_db(transaction=True)


def test_llmfao_comes_in_whole_and_a_second_time_not_at_all(study_data):
    campaign = factories.campaign(state="draft")
    files = [
        ("pairs.jsonl", "comparisons", 2139),
        ("comparisons.csv", "judgments", 8931),
        ("llm_judge_gpt4.csv", "judgments", 2139),
        ("training_pairs.jsonl", "gold", 7),
    ]
    for name, kind, count in files:
        data = (study_data / "llmfao" / name).read_bytes()
        job = import_file(campaign, data, kind, "llmfao")
        assert counts(job) == (count, count, 0, 0)
        assert job.result["warnings"] == (62 if name == "pairs.jsonl" else 0)
        assert counts(import_file(campaign, data, kind, "llmfao")) == (count, 0, count, 0)
    assert Comparison.objects.filter(campaign=campaign).count() == 2139 + 7
    assert Gold.objects.filter(comparison__campaign=campaign).count() == 7
    people = Judgment.objects.filter(campaign=campaign, rater__kind=Rater.Kind.HUMAN)
    assert people.count() == 8931
    assert Seat.objects.filter(campaign=campaign).count() == 124 + 1
    # Which model each person preferred is what the file says, whatever the table calls its sides.
    left = right = 0
    rows = people.exclude(preference="tie").select_related("comparison")
    for row in rows:
        is_file_a = (row.preference == "a") != row.comparison.is_turned
        left, right = left + is_file_a, right + (not is_file_a)
        assert (row.shown_left == "a") != row.comparison.is_turned
    assert (left, right) == (2911, 2549)


def test_the_hh_sample_comes_in_whole(study_data):
    campaign = factories.campaign(state="draft")
    data = (study_data / "hh_rlhf_sample" / "hh_harmless_test_2000.jsonl.gz").read_bytes()
    job = import_file(campaign, data, "judgments", "hh")
    assert counts(job) == (2000, 2000, 0, 0)
    assert import_file(campaign, data, "judgments", "hh").result["duplicates"] == 2000
    told = Counter(
        (row.preference == "a") != row.comparison.is_turned
        for row in Judgment.objects.select_related("comparison")
    )
    assert told == {True: 2000}
