"""How much work one text may cause, counted so that the same text always comes out the same."""

import time
from dataclasses import dataclass, field

# At most about 100 ms for 100 kB, and no more for a shorter text. Steps decide first, so that two
# raters see the same page; the clock is a wide net under them, for work that the steps do not see.
STEPS = 5_000
SECONDS = 0.25
PER_CHARS = 100_000


class TooMuchWorkError(Exception):
    """The text asks for more work than a text of its length may."""


@dataclass
class Budget:
    """Steps and seconds left for a text of `chars` characters."""

    chars: int
    steps: int = field(init=False)
    deadline: float = field(init=False)
    output_chars: int = field(init=False)

    def __post_init__(self) -> None:
        share = max(1.0, self.chars / PER_CHARS)
        self.steps = int(STEPS * share)
        self.deadline = time.thread_time() + SECONDS * share
        self.output_chars = 50_000 + 12 * self.chars

    def spend(self, steps: int = 1) -> None:
        """Take `steps`; raise TooMuchWorkError when none are left or the time is up."""
        self.steps -= steps
        if self.steps < 0:
            raise TooMuchWorkError("steps")
        # The processor time of this thread: a busy machine is not the text's fault.
        if self.steps % 16 == 0 or steps > 1:
            self.check_time()

    def check_time(self) -> None:
        if time.thread_time() > self.deadline:
            raise TooMuchWorkError("time")

    def spend_output(self, chars: int) -> None:
        """Take `chars` of output: link targets named once and used a thousand times add up."""
        self.output_chars -= chars
        if self.output_chars < 0:
            raise TooMuchWorkError("output")
