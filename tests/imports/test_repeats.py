"""What is known already: the same rows again add nothing, other words under an id are told."""

from collections import Counter

import pytest

from labeling.models import Comparison, Completion, Gold, ImportProblem, Judgment, Prompt, Seat
from tests import factories
from tests.imports.files import (
    counts,
    import_file,
    import_rows,
    judgment,
    lines,
    pair,
    problems,
    turned,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign():
    return factories.campaign(state="draft")


class TestSameFileAgain:
    def test_nothing_is_added_by_any_kind(self, campaign):
        files = {
            "prompts": lines({"prompt": "P", "prompt_id": "p"}, {"prompt": "Q"}),
            "comparisons": lines(pair(1), pair(2, comparison_id="c"), pair(1)),
            "judgments": lines(judgment(1), judgment(2, judgment_id="j"), judgment(1, rater="r2")),
            "gold": lines(pair(3, gold={"preference": "tie"})),
        }
        for kind, data in files.items():
            first = import_file(campaign, data, kind)
            assert first.status == "succeeded"
            rows = counts(first)[0]
            before = self.totals(campaign)
            again = import_file(campaign, data, kind)
            assert counts(again) == (rows, 0, rows, 0)
            assert self.totals(campaign) == before

    def test_a_longer_file_adds_what_is_new_in_it(self, campaign):
        rows = [judgment(n) for n in range(20)]
        assert counts(import_rows(campaign, *rows[:12])) == (12, 12, 0, 0)
        assert counts(import_rows(campaign, *rows)) == (20, 8, 12, 0)

    def test_the_same_judgment_told_the_other_way_round_is_known(self, campaign):
        import_rows(campaign, judgment(shown_left="b"))
        job = import_rows(campaign, turned(judgment(shown_left="b")))
        assert counts(job) == (1, 0, 1, 0)

    def test_another_campaign_is_another_matter(self, campaign):
        other = factories.campaign(state="draft", of=campaign.organisation)
        for one in (campaign, other):
            assert counts(import_rows(one, judgment(judgment_id="j", comparison_id="c"))) == (
                1,
                1,
                0,
                0,
            )
        assert len({row.comparison_id for row in Judgment.objects.all()}) == 2

    @staticmethod
    def totals(campaign):
        return Counter(
            prompts=Prompt.objects.filter(campaign=campaign).count(),
            completions=Completion.objects.filter(prompt__campaign=campaign).count(),
            comparisons=Comparison.objects.filter(campaign=campaign).count(),
            judgments=Judgment.objects.filter(campaign=campaign).count(),
            gold=Gold.objects.count(),
            seats=Seat.objects.filter(campaign=campaign).count(),
        )


class TestConflicts:
    """The same id with other words is told and never overwrites."""

    CASES = {
        "prompt": (
            "prompts",
            {"prompt": "P", "prompt_id": "p"},
            {"prompt": "other", "prompt_id": "p"},
            "prompt",
        ),
        "prompt of a comparison": (
            "comparisons",
            pair(1, prompt_id="p"),
            pair(2, prompt_id="p"),
            "prompt",
        ),
        "completion": (
            "comparisons",
            pair(1, comparison_id="c"),
            pair(1, comparison_id="c", completion_b="other"),
            "completion_a",
        ),
        "prompt under a comparison": (
            "comparisons",
            pair(1, comparison_id="c"),
            pair(1, comparison_id="c", prompt="other"),
            "prompt",
        ),
        "judgment": (
            "judgments",
            judgment(judgment_id="j"),
            judgment(judgment_id="j", preference="b"),
            "judgment_id",
        ),
        "judgment of another rater": (
            "judgments",
            judgment(judgment_id="j"),
            judgment(judgment_id="j", rater="r2"),
            "judgment_id",
        ),
        "judgment of another comparison": (
            "judgments",
            judgment(1, judgment_id="j"),
            judgment(2, judgment_id="j"),
            "judgment_id",
        ),
    }

    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.parametrize("in_one_file", [True, False])
    def test_the_line_and_field_are_told_and_the_first_stands(self, campaign, case, in_one_file):
        kind, first, second, field = self.CASES[case]
        if in_one_file:
            job = import_rows(campaign, first, second, kind=kind, lenient=True)
            assert counts(job) == (2, 1, 0, 1)
        else:
            assert counts(import_rows(campaign, first, kind=kind)) == (1, 1, 0, 0)
            job = import_rows(
                campaign,
                {"prompt": "fill"}
                if kind == "prompts"
                else judgment(90)
                if kind == "judgments"
                else pair(90),
                second,
                kind=kind,
                lenient=True,
            )
            assert counts(job) == (2, 1, 0, 1)
        assert problems(job) == [(2, field)]
        assert "onflict" in ImportProblem.objects.get(job=job).message
        assert counts(import_rows(campaign, first, kind=kind)) == (1, 0, 1, 0)

    def test_an_unknown_comparison_or_prompt_is_told(self, campaign):
        job = import_rows(
            campaign,
            {"comparison_id": "nowhere", "rater": "r", "preference": "a"},
            judgment(prompt=None, prompt_id="nowhere"),
            lenient=True,
        )
        assert problems(job) == [(1, "comparison_id"), (2, "prompt_id")]

    def test_a_row_may_name_what_an_earlier_line_brought_but_not_a_later_one(self, campaign):
        bare = {"comparison_id": "c", "rater": "r9", "preference": "b"}
        job = import_rows(campaign, bare, judgment(comparison_id="c"), bare, lenient=True)
        assert problems(job) == [(1, "comparison_id")]
        assert counts(job) == (3, 2, 0, 1)

    def test_two_texts_that_turn_out_to_be_one_completion_are_told(self, campaign):
        import_rows(campaign, pair(1), kind="comparisons")
        row = pair(1, completion_b="First 1")
        job = import_rows(campaign, row, kind="comparisons", lenient=True)
        assert problems(job) == [(1, "completion_b")]
