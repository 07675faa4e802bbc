"""Lines that cannot be used: all are told, and strict or lenient decides about the rest."""

import pytest

from labeling.models import Judgment
from tests import factories
from tests.imports.files import (
    TABLES,
    counts,
    import_file,
    judgment,
    lines,
    many,
    problems,
    stored,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign():
    return factories.campaign(state="draft")


class TestOneBadLine:
    """Ten thousand lines, line 9,999 broken."""

    DATA = many(10_000, l9999=b'{"prompt": "p", "completion_a": "x"\n')

    def test_strict_stores_nothing_and_names_the_line(self, campaign):
        job = import_file(campaign, self.DATA)
        assert job.status == "failed"
        assert counts(job) == (10_000, 0, 0, 1)
        assert "nothing was" in job.error["message"]
        assert job.error["errors"][0]["line"] == 9999
        assert problems(job) == [(9999, "")]
        assert stored() == [0] * len(TABLES)

    def test_lenient_stores_the_rest(self, campaign):
        job = import_file(campaign, self.DATA, lenient=True)
        assert job.status == "succeeded"
        assert counts(job) == (10_000, 9999, 0, 1)
        assert problems(job) == [(9999, "")]
        assert Judgment.objects.count() == 9999
        assert job.done == job.total == len(self.DATA)

    def test_a_dry_run_tells_the_same_and_stores_nothing(self, campaign):
        job = import_file(campaign, self.DATA, lenient=True, dry_run=True)
        assert job.status == "succeeded"
        assert counts(job) == (10_000, 9999, 0, 1)
        assert job.result["dry_run"] is True
        assert stored() == [0] * len(TABLES)


def test_all_bad_lines_are_listed_up_to_a_cap_and_all_are_counted(campaign):
    data = many(30, l3=b"{\n", l17=b'{"prompt": "p\\u0000"}\n') + b"nonsense\n" * 1500
    job = import_file(campaign, data)
    assert counts(job) == (1530, 0, 0, 1502)
    told = problems(job)
    assert len(told) == 1000
    assert told[:3] == [(3, ""), (17, "prompt"), (31, "")]
    assert len(job.error["errors"]) == 20


def test_a_strict_import_lists_conflicts_with_the_unreadable_lines(campaign):
    import_file(campaign, lines(judgment(1, judgment_id="j")))
    before = stored()
    data = lines(judgment(2), judgment(3, judgment_id="j"), judgment(4)) + b"{\n"
    job = import_file(campaign, data)
    assert (job.status, counts(job)) == ("failed", (4, 0, 0, 2))
    assert problems(job) == [(2, "judgment_id"), (4, "")]
    assert stored() == before


def test_a_file_that_cannot_be_read_at_all_fails_even_leniently(campaign):
    job = import_file(campaign, many(50)[:-20].decode().encode("utf-16"), lenient=True)
    assert job.status == "failed"
    assert "UTF-16" in job.error["message"]
    assert stored() == [0] * len(TABLES)
