"""Published studies beside the demo: the published numbers, and only what is fit to show."""

import gzip
import io
import json
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from labeling.actions.demo import DemoAccounts, set_up_accounts
from labeling.errors import InvalidInputError
from labeling.management.demo import studies
from labeling.models import Assignment, Campaign, Completion, Gold, Judgment, Rater

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def accounts(settings, tmp_path, monkeypatch) -> DemoAccounts:
    """The demo's people."""
    settings.DEMO = True
    settings.HOME = tmp_path
    monkeypatch.delenv("THURSTONE_DATA", raising=False)
    return set_up_accounts(encoded_password="!")


def load(accounts: DemoAccounts, folder: Path, *, is_reset: bool = False) -> list[str]:
    said: list[str] = []
    assert list(studies.load(accounts, folder, is_reset=is_reset, say=said.append)) == []
    return said


def test_llmfao_gives_its_published_numbers(accounts, study_data):
    expected = json.loads((study_data / "llmfao/expected_examples.json").read_text())
    load(accounts, study_data)
    campaign = Campaign.objects.get(slug="llmfao")
    assert campaign.state == "completed"
    assert "CC BY 4.0" in campaign.attribution
    assert "Dmitry Ustalov" in campaign.attribution
    assert "llmonitor.com" in campaign.attribution
    assert campaign.guidelines.get().body == (study_data / "llmfao/guidelines.md").read_text()
    judgments = Judgment.objects.filter(campaign=campaign)
    assert judgments.filter(rater__kind="human").count() == expected["counts"]["judgments"]
    assert judgments.filter(rater__kind="human").values("rater").distinct().count() == 124
    assert judgments.filter(rater__kind="judge").values("rater").distinct().count() == 1
    assert judgments.filter(rater__kind="judge").count() == expected["counts"]["items"]
    assert Gold.objects.filter(comparison__campaign=campaign).count() == 7
    assert not Assignment.objects.filter(campaign=campaign).exists()

    body = campaign.reports.latest().body
    agreement = {key: row["value"] for key, row in body["agreement"].items()}
    assert agreement["krippendorff_alpha_nominal"] == pytest.approx(
        expected["krippendorff_nominal"], abs=1e-9
    )
    assert agreement["krippendorff_alpha_ordinal"] == pytest.approx(
        expected["krippendorff_ordinal"], abs=1e-9
    )
    assert agreement["percent_agreement"] == pytest.approx(
        expected["percent_agreement"]["pooled"], abs=1e-9
    )
    assert agreement["fleiss_kappa"] == pytest.approx(expected["fleiss_general"], abs=1e-9)
    assert agreement["gwet_ac1"] == pytest.approx(expected["gwet_ac1"], abs=1e-9)
    board = {row["model"]: row["elo"] for row in body["leaderboard"]}
    assert next(iter(board)) == "GPT 4"
    assert board == pytest.approx(expected["bt_elo_tie_half_center1000"], abs=0.01)
    left, decisive, _ = expected["left_share_of_decisive"]
    assert (body["bias"]["position"]["chosen"], body["bias"]["position"]["n"]) == (left, decisive)


def small_studies(folder: Path) -> Path:
    """Both studies in a few lines, in the form in which they are published."""
    llmfao, hh = folder / "llmfao", folder / "hh_rlhf_sample"
    for made in (llmfao, hh):
        made.mkdir()
    pairs = [
        {
            "id": number,
            "prompt": number,
            "text": f"Prompt {number}",
            "model_x": 98,
            "result_x": f"x {number}",
            "model_y": 97,
            "result_y": f"y {number}",
        }
        for number in range(3)
    ]
    training = {**pairs[0], "id": -1, "text": "Training", "golden": "left", "reason": "Clear."}
    head = "id,prompt,model_x,model_y,worker,winner,left,right\n"
    votes = "".join(
        f"{number},{number},98,97,{worker},{winner},Weaver 12k,Airoboros L2 70B\n"
        for number in range(3)
        for worker, winner in enumerate(("left", "right", "tie"))
    )
    judged = "".join(f"{n},{n},98,97,left,Weaver 12k,Airoboros L2 70B\n" for n in range(3))
    (llmfao / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    (llmfao / "training_pairs.jsonl").write_text(json.dumps(training) + "\n")
    (llmfao / "comparisons.csv").write_text(head + votes)
    (llmfao / "llm_judge_gpt4.csv").write_text(head.replace("worker,", "") + judged)
    (llmfao / "guidelines.md").write_text("# Which is better?\n")
    with gzip.open(hh / "test.jsonl.gz", "wt") as file:
        for n in range(20):
            asked = f"\n\nHuman: Question {n}?\n\nAssistant: Yes.\n\nHuman: Sure?\n\nAssistant: "
            line = {"chosen": f"{asked}Y{n}", "rejected": f"{asked}N{n}"}
            file.write(json.dumps(line) + "\n")
    return folder


def test_a_second_run_keeps_studies_and_a_reset_loads_them_anew(accounts, tmp_path):
    folder = small_studies(tmp_path)
    load(accounts, folder)
    before = set(Campaign.objects.values_list("pk", flat=True)), Judgment.objects.count()
    assert before[1] == 12
    assert load(accounts, folder) == ["llmfao: kept", "hh-harmless: kept"]
    assert (set(Campaign.objects.values_list("pk", flat=True)), Judgment.objects.count()) == before
    raters = Rater.objects.count()
    load(accounts, folder, is_reset=True)
    assert Judgment.objects.count() == before[1]
    assert Rater.objects.count() == raters
    assert not before[0] & set(Campaign.objects.values_list("pk", flat=True))


def test_of_hh_only_what_is_not_flagged_is_loaded(study_data):
    path = study_data / "hh_rlhf_sample/hh_harmless_test_2000.jsonl.gz"
    with gzip.open(path, "rb") as file:
        rows = [json.loads(line) for line in file]
    fit = [row["row"] for row in rows if not row["flagged"]]
    shown = [json.loads(line) for line in studies.rows_to_show(path)]
    assert [row["line"] for row in shown] == fit
    # The published file does not say which are flagged: our list of lines says the same.
    assert [place for place in range(2312) if studies._is_fit(place)] == fit


def test_the_published_hh_file_is_read_like_the_sample(accounts, tmp_path):
    """Lines as they are published, without a number or a flag of their own."""
    shutil.rmtree(small_studies(tmp_path) / "llmfao")
    said = load(accounts, tmp_path)
    assert said[0].startswith("llmfao: no folder llmfao")
    campaign = Campaign.objects.get(slug="hh-harmless")
    fit = [n for n in range(20) if studies._is_fit(n)]
    assert 0 < len(fit) < 20
    assert campaign.comparisons.count() == len(fit)
    assert (campaign.state, "MIT" in campaign.attribution) == ("active", True)
    assert "Content warning" in campaign.description
    texts = Completion.objects.filter(prompt__campaign=campaign).values_list("messages", flat=True)
    assert {text[0]["content"] for text in texts} == {f"{side}{n}" for n in fit for side in "YN"}
    # Which one was chosen is for the raters to say.
    assert not Judgment.objects.exists()
    assert not Gold.objects.exists()


def test_a_study_with_a_file_missing_is_named_and_the_rest_is_loaded(accounts, tmp_path):
    (tmp_path / "llmfao").mkdir()
    (tmp_path / "llmfao/pairs.jsonl").write_text("")
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"llmfao: .*comparisons\.csv cannot be read"):
        call_command("demo", "--data", str(tmp_path), stdout=out)
    assert not Campaign.objects.filter(slug="llmfao").exists()
    assert Campaign.objects.get(slug="demo-active").state == "active"


# Named: gzip stamps the time, and every worker must collect the same tests.
@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"no JSON\n"), gzip.compress(b"[]\n")],
    ids=["no gzip", "no JSON", "no rows"],
)
def test_an_hh_file_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "test.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        list(studies.rows_to_show(path))
