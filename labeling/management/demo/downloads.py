"""Fetch the published studies from where they are published, and check what came."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from labeling.management.demo.studies import HH, LLMFAO

Say = Callable[[str], None]

ORIGIN = "https://raw.githubusercontent.com"
_LLMFAO = "dustalov/llmfao/9e224e94a40129fd6e1e1529b962307e84af40da"
_HH = "anthropics/hh-rlhf/354e5c3cb8960630860dd5774a6ac2a58313bf4d"
TIMEOUT = httpx.Timeout(30, connect=10)


@dataclass(frozen=True)
class PublishedFile:
    """A file at a commit of a public repository, and its name and place here."""

    path: str
    folder: str
    name: str
    byte_count: int
    sha256: str


PUBLISHED = (
    PublishedFile(
        f"{_LLMFAO}/pairs-crowd.jsonl",
        LLMFAO,
        "pairs.jsonl",
        3_768_833,
        "83c32e02deeb657e2b6a4cad7391c9bbabbd4f108f78392859b09eeb911ff04b",
    ),
    PublishedFile(
        f"{_LLMFAO}/crowd-comparisons.csv",
        LLMFAO,
        "comparisons.csv",
        498_018,
        "106564a4bf06f047a4662979384313c22d9b4ca901e780f9e8419f8e5581adb1",
    ),
    PublishedFile(
        f"{_LLMFAO}/gpt4-crowd-comparisons.csv",
        LLMFAO,
        "llm_judge_gpt4.csv",
        113_922,
        "86553cbbcb15b030e16fba8dfa7370e8141ff1ab508342f6a18c6fdd908c7d0b",
    ),
    PublishedFile(
        f"{_LLMFAO}/pairs-crowd-training.jsonl",
        LLMFAO,
        "training_pairs.jsonl",
        4_549,
        "b8f2a8272400470e765364e20dd656d12df71be9695290d6e9374ace695ab5b7",
    ),
    PublishedFile(
        f"{_LLMFAO}/crowd-instruction.md",
        LLMFAO,
        "guidelines.md",
        2_868,
        "ce1e44048949c7e5aebe55a47bdec4e8d87b719db07112bca6b51626d75b733f",
    ),
    PublishedFile(
        f"{_HH}/harmless-base/test.jsonl.gz",
        HH,
        "test.jsonl.gz",
        742_801,
        "ebfaaed21162a4de120ae85366075b34425e2a6303fac59b99555002f7016f03",
    ),
)


class _UnfitError(Exception):
    """What came is not the published file."""


def download(
    into: Path, *, say: Say, files: Sequence[PublishedFile] = PUBLISHED, origin: str = ORIGIN
) -> Iterator[str]:
    """Fetch the files that are not in the folder already; what failed, one sentence each.

    A file is put in place only when its checksum is right.
    """
    with httpx.Client(base_url=origin, timeout=TIMEOUT) as client:
        for file in files:
            target = into / file.folder / file.name
            if _sha256(target) == file.sha256:
                continue
            try:
                _fetch(client, file, target)
            except httpx.TimeoutException:
                yield f"{file.name}: {client.base_url.host} did not answer in time."
            except httpx.HTTPStatusError as error:
                status = error.response.status_code
                yield f"{file.name}: {error.request.url} answered {status}."
            except httpx.HTTPError as error:
                yield f"{file.name}: {client.base_url.host} cannot be reached ({error})."
            except _UnfitError as error:
                yield f"{file.name}: {error}"
            except OSError as error:
                yield f"{file.name}: {target} cannot be written ({error.strerror})."
            else:
                say(f"fetched {file.folder}/{file.name}")


def _fetch(client: httpx.Client, file: PublishedFile, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    digest, received = hashlib.sha256(), 0
    try:
        with client.stream("GET", f"/{file.path}") as answer, part.open("wb") as out:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                received += len(piece)
                if received > file.byte_count:
                    raise _UnfitError(
                        f"what came is longer than the {file.byte_count:,} bytes published."
                    )
                digest.update(piece)
                out.write(piece)
        if digest.hexdigest() != file.sha256:
            raise _UnfitError(
                f"its sha256 is {digest.hexdigest()}, and {file.sha256} was published."
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
