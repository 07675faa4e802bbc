"""Published studies beside the demo, from files the user has: LLMFAO and a sample of hh-rlhf."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from labeling.actions.campaigns import update_campaign
from labeling.actions.demo import DemoAccounts
from labeling.actions.rounds import open_round
from labeling.errors import InvalidInputError, LabelingError
from labeling.management.demo.loading import (
    OPEN_ROLES,
    READER_ROLES,
    Recipe,
    SourceFile,
    make_campaign,
    standing,
)
from workers.metrics import compute_report

Say = Callable[[str], None]

LLMFAO = "llmfao"
HH = "hh_rlhf_sample"
# The file as it is published, and the sample of it that says of each row whether it is fit to show.
HH_FILES = ("hh_harmless_test_2000.jsonl.gz", "test.jsonl.gz")
# The published file does not say so: a bit for each of its 2,312 lines, set where a crude word list
# found nothing in the line (and it is in the sample).
_FIT_TO_SHOW = base64.b64decode(
    "GNI/xC3RqK4JJG8s96a4q66fWICAxFZwjj6JtIS/M1PsoFRePyf0081KBJ3jQQjsw5HGGRUi6MQwvUsShiGYQx4s"
    "OFAWSOD2RCD0nhQkN0yCowioorPclHyALGRe1GIVN3aO8zlBlk6UhRI4sDOMJIIlCBwZaJuPkU5HDskf0UOXbDK1"
    "Tw2UQcFhPX5SClJleGQpMgye1ZAoSAiPXYPOCPSEMio4cWgAKNxiA/pTLgvUISqt1oIrFtIFhgab1mKZeFWNAmrk"
    "bAXlgHIQEdF/mgTJNZYkATl3UyhSZ8IBJfpLnZoFuNPgswLUgiw+rpZHkTSxnAZDCf+qJJFhvaOK0SgAQAjhyiWg"
    "l4unJI7wyReB1DOPVVpZhGRlREkt9kgBMQ=="
)


def load(accounts: DemoAccounts, folder: Path, *, is_reset: bool, say: Say) -> Iterator[str]:
    """Load the studies that are in the folder and not loaded yet; what failed, a sentence each."""
    for name, slug, load_one in ((LLMFAO, "llmfao", _load_llmfao), (HH, "hh-harmless", _load_hh)):
        if not (folder / name).is_dir():
            say(f"{slug}: no folder {name} in {folder}, left out")
        elif standing(accounts, slug, is_reset=is_reset):
            say(f"{slug}: kept")
        else:
            try:
                load_one(accounts, folder / name, say)
            except LabelingError as error:
                yield f"{slug}: {error.message}"


def _load_llmfao(accounts: DemoAccounts, folder: Path, say: Say) -> None:
    files = [
        SourceFile(name, _read(folder / name), kind=kind, layout="llmfao")
        for name, kind in (
            ("pairs.jsonl", "comparisons"),
            ("comparisons.csv", "judgments"),
            ("llm_judge_gpt4.csv", "judgments"),
            ("training_pairs.jsonl", "gold"),
        )
    ]
    campaign = make_campaign(
        accounts,
        Recipe(
            slug="llmfao",
            fields={
                "name": "LLMFAO: which AI is better?",
                "description": "124 paid crowd workers and GPT-4 compare the answers of 59 "
                "language models to 13 prompts (2023). A published study, as it was judged: the "
                "left answer of a pair was always the same one.",
                "overlap": 5,
                "schema": {"scale": 2, "tie": True, "both_bad": False, "rationale": "off"},
                "attribution": "LLMFAO by Dmitry Ustalov (github.com/dustalov/llmfao), CC BY 4.0; "
                "prompts and answers by llmonitor.com, CC BY 4.0.",
            },
            files=files,
            guidelines=_read(folder / "guidelines.md").decode(),
            roles=READER_ROLES,
        ),
    )
    # It was judged elsewhere: complete from the start, and nothing of it opens to raters.
    campaign = update_campaign(campaign=campaign, by=accounts.users["manager"], state="completed")
    report = compute_report(campaign)
    say(f"llmfao: {report.judgment_count:,} judgments, published by D. Ustalov under CC BY 4.0")


def _load_hh(accounts: DemoAccounts, folder: Path, say: Say) -> None:
    path = next((folder / name for name in HH_FILES if (folder / name).is_file()), None)
    if path is None:
        raise InvalidInputError(f"{folder} has none of {', '.join(HH_FILES)}.")
    manager = accounts.users["manager"]
    campaign = make_campaign(
        accounts,
        Recipe(
            slug="hh-harmless",
            fields={
                "name": "hh-rlhf: harmlessness, to be judged again",
                "description": "Content warning: people try to get an assistant to do harm. "
                "Conversations of Anthropic's hh-rlhf (harmless-base, test), without those that a "
                "crude list of words flagged; offensive ones remain. Which answer was chosen is "
                "left out. Not for training.",
                "overlap": 2,
                "schema": {"scale": 4, "tie": True, "both_bad": True, "rationale": "optional"},
                "attribution": "hh-rlhf by Anthropic (github.com/anthropics/hh-rlhf), MIT licence.",
            },
            # A few lines hold the same text twice, and so no comparison.
            files=[
                SourceFile(path.name, b"".join(rows_to_show(path)), layout="hh", is_lenient=True)
            ],
            roles=OPEN_ROLES,
        ),
    )
    open_round(campaign=campaign, by=manager)
    update_campaign(campaign=campaign, by=manager, state="active")
    say(f"hh-harmless: {campaign.comparisons.count():,} comparisons, published by Anthropic (MIT)")


def rows_to_show(path: Path) -> Iterator[bytes]:
    """The lines of the published file, or of the sample, whose words may stand in a demo."""
    try:
        with gzip.open(path, "rb") as file:
            for number, line in enumerate(file):
                row = json.loads(line)
                place = row.pop("row", number)
                if not row.pop("flagged", not _is_fit(place)):
                    yield json.dumps({**row, "line": place}).encode() + b"\n"
    except (OSError, EOFError, zlib.error, ValueError, AttributeError, TypeError) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}") from error


def _is_fit(place: int) -> bool:
    byte, bit = divmod(place, 8)
    return byte < len(_FIT_TO_SHOW) and bool(_FIT_TO_SHOW[byte] >> bit & 1)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}.") from error
