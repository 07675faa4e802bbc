"""What holds for every file: imports point down, and nothing leans on one machine."""

import re
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

from tests.architecture.source import ROOT, modules, tracked_files

LONGEST_FILE = 400
# Folders of one machine, and what lies beside the checkout: a clone elsewhere has neither.
ELSEWHERE = re.compile(
    r"(?<![\w/.-])(?:/wor" + r"k/|\.\./shar" + r"ed\b|/hom" + r"e/\w+/|/Use" + r"rs/\w+/)"
)
BINARY = {".png", ".gz", ".zst", ".parquet", ".woff2", ".ico", ".webp", ".jpg"}


def test_imports_point_down():
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_part_of_labeling_has_its_layer():
    """A new package is placed in pyproject.toml; a pure one is forbidden Django there too."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    layers = [set(re.findall(r"labeling\.(\w+)", layer)) for layer in contracts[0]["layers"]]
    placed = set().union(*layers)
    pure = set().union(*layers[-2:])
    forbidden = {name.removeprefix("labeling.") for name in contracts[1]["source_modules"]}
    there = {
        path.stem
        for path in (ROOT / "labeling").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem != "__init__"
    }
    assert there - {"apps", "migrations"} <= placed
    assert there & pure == forbidden


def test_nothing_names_a_place_outside_the_tree():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        if path.suffix not in BINARY and path.relative_to(ROOT) != Path(".ci/run")
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if ELSEWHERE.search(line)
    ]
    assert not found, "\n".join(found)


def test_locks_name_no_index():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"^\s*--(?:extra-)?index-url|^\s*--find-links|https?://", text, re.M)


def test_no_module_has_a_name_that_says_nothing():
    vague = {"utils.py", "helpers.py", "services.py", "misc.py", "common.py", "signals.py"}
    assert not [path for path in tracked_files() if path.name in vague]


def test_long_files_are_reported():
    """Length is a hint, not a rule: the report stands among the warnings."""
    for path, tree in modules("config", "labeling", "api", "workers"):
        length = max((node.end_lineno or 0 for node in tree.body), default=0)
        if length > LONGEST_FILE and "/migrations/" not in path:
            warnings.warn(f"{path} has {length} lines", stacklevel=1)
