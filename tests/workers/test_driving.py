"""How a driver waits: for what lands, and not in a circle."""

import time

from workers import driving
from workers.driving import Lot, drive


class OneLongCall:
    """A rate that lets one call through, and would be asked again at once."""

    def __init__(self) -> None:
        self.claimed = 0

    def claim(self, *, most: int, landed: int, is_idle: bool) -> Lot[int]:
        self.claimed += 1
        return Lot([1] if self.claimed == 1 else [], again_in=0.01)

    def call(self, claim: int) -> int:
        time.sleep(0.6)
        return claim

    def store(self, answers) -> None:
        self.stored = [came for _, came in answers]

    def hold_on(self, claims) -> None:
        pass


def test_after_its_time_a_driver_sleeps_until_something_lands(monkeypatch):
    waits: list[float] = []

    def counting(flying, *, timeout, return_when):
        waits.append(timeout)
        return futures_wait(flying, timeout=timeout, return_when=return_when)

    futures_wait = driving.wait
    monkeypatch.setattr(driving, "wait", counting)
    work = OneLongCall()
    driven = drive(work, width=4, seconds=0.1)
    assert (work.stored, driven.calls) == ([1], 1)
    # In its time it asks the rate each hundredth of a second; then once for what lands.
    assert sum(timeout <= 0.001 for timeout in waits) <= 2, len(waits)
    assert len(waits) < 30
