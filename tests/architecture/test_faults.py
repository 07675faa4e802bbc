"""docs/FAULTS.md names tests that exist, and leaves no row without one."""

import ast
import re

import pytest

from tests.architecture.source import ROOT

PAGE = (ROOT / "docs" / "FAULTS.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", PAGE)))
ROWS = re.findall(r"^\| ([A-Z]+-?\d+) \|(.*)\|(.*)\|$", PAGE, re.M)


def test_there_is_something_to_look_for():
    assert len(NAMED) > 40
    assert len(ROWS) > 35


@pytest.mark.parametrize("named", NAMED)
def test_a_named_test_exists(named):
    path, _, name = named.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert name in tests if name else any(one.lower().startswith("test") for one in tests)


def test_every_row_has_its_proof():
    assert not [row for row, _, proof in ROWS if "`tests/" not in proof and "as BL-" not in proof]
