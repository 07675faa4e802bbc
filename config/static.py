"""Which of the installed packages' static files are served: those a page asks for."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.staticfiles.finders import AppDirectoriesFinder

# The browsable API and ReDoc are not shown, and htmx 4 is a beta. Compressing them all the same
# would take longer than everything else a first start does.
UNUSED = ("rest_framework", "redoc", "htmx-4*", "htmax*", "hx-*", "htmx-2-compat*")


class UsedFilesFinder(AppDirectoriesFinder):
    """The static files of the installed apps without those that no page uses."""

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        """Each file with its storage, for collectstatic."""
        return iter(super().list([*(ignore_patterns or ()), *UNUSED]))
