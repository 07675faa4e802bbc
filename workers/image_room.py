"""Room for the images that calls carry at one time, so that memory grows with no queue of calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock
from typing import Final

# Of all calls of this process at once, as files. A call holds them about three times: as text, in
# its body, and a while as bytes.
MOST_IMAGE_BYTES: Final = 128 << 20


class ImageRoom:
    """So many bytes of images under way at once. One call that has more goes alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._changed = Condition()
        # Held while waiting, so that small ones do not go past a large one for ever.
        self._turn = Lock()

    @contextmanager
    def taken(self, byte_count: int) -> Iterator[None]:
        """Wait for the room, and hold it while inside; a call without images waits for nothing."""
        if not byte_count:
            yield
            return
        with self._turn, self._changed:
            self._changed.wait_for(lambda: not self._held or self._held + byte_count <= self._most)
            self._held += byte_count
        try:
            yield
        finally:
            with self._changed:
                self._held -= byte_count
                self._changed.notify_all()
