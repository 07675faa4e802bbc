"""Folders and trees for the drills."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ops.tree import Tree


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if sys.platform != "linux":
        for item in items:
            if Path(str(item.path)).parent.name == "ops":
                item.add_marker(pytest.mark.skip(reason="the drills read Linux's /proc"))


@pytest.fixture(scope="session")
def static_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collected static files are the same for every tree, so they are made once."""
    return tmp_path_factory.mktemp("collected") / "static"


@pytest.fixture(scope="module")
def start(static_root: Path) -> Iterator[Callable[..., Tree]]:
    """Start a tree in a folder; all of them end with the module."""
    trees: list[Tree] = []

    def start_tree(home: Path, **more: str) -> Tree:
        trees.append(Tree(home, static_root, **more))
        return trees[-1]

    yield start_tree
    for tree in trees:
        tree.end()
