"""Which static files are served: those of the installed packages that a page asks for, and joined
scripts.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.core.files.storage import FileSystemStorage

# The browsable API and ReDoc are not shown, and htmx 4 is a beta. Compressing them all the same
# would take longer than everything else a first start does.
UNUSED = ("rest_framework", "redoc", "htmx-4*", "htmax*", "hx-*", "htmx-2-compat*")
# A page asks once instead of five times. Each part is a script of its own, in this order.
JOINED = {
    "labeling/bench_whole.js": (
        "labeling/bench.js",
        "labeling/bench_keys.js",
        "labeling/bench_arms.js",
        "labeling/bench_content.js",
        "labeling/bench_answers.js",
    ),
    # A reviewer's page answers to the same keys, and measures and leases nothing.
    "labeling/review_whole.js": (
        "labeling/review.js",
        "labeling/bench_keys.js",
        "labeling/bench_content.js",
    ),
}


class UsedFilesFinder(finders.AppDirectoriesFinder):
    """The static files of the installed apps without those that no page uses."""

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        """Each file with its storage, for collectstatic."""
        return iter(super().list([*(ignore_patterns or ()), *UNUSED]))


class JoinedFilesFinder(finders.BaseFinder):
    """Files put together from others, in a folder that goes with the process."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        """Each file with its storage, for collectstatic."""
        for name in JOINED:
            self._join(name)
        if self._folder is not None:
            storage = FileSystemStorage(self._folder)
            yield from ((name, storage) for name in JOINED)

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Where the file lies, put together anew if a part of it changed."""
        if path not in JOINED:
            return []
        found = self._join(path)
        return [found] if find_all else found

    def check(self, **kwargs: Any) -> Any:
        """Nothing can be set up wrongly here."""
        return []

    def _join(self, name: str) -> str:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="thurstone-joined-"))
            atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        parts = [finders.find(part) for part in JOINED[name]]
        texts = [Path(str(part)).read_text(encoding="utf-8") for part in parts]
        whole = ";\n".join(texts)
        target = self._folder / name
        if not target.exists() or target.read_text(encoding="utf-8") != whole:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(whole, encoding="utf-8")
        return str(target)
