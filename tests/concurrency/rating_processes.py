"""Raters in processes that are killed and started again until the campaign is done.

`python -m tests.concurrency.rating_processes CAMPAIGN ACKS SECONDS RATER…`: the raters, by id, are
spread over three processes; one of them is killed with SIGKILL again and again, in the middle of
whatever its threads do. Each acked judgment's id is a line in ACKS. Prints the number of kills.
"""

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import django

django.setup()

from django.db import connection, connections  # noqa: E402

from labeling.actions.claiming import claim_assignment  # noqa: E402
from labeling.actions.rating import skip_assignment, submit_judgment  # noqa: E402
from labeling.errors import LabelingError  # noqa: E402
from labeling.models import Assignment, Campaign, Rater  # noqa: E402

PROCESSES = 3


def work(rater: Rater, campaign: Campaign, acks: int) -> None:
    """Rate for ever, now and then skipping or walking away."""
    while True:
        claimed = claim_assignment(rater=rater, campaign=campaign)
        dice = random.random()
        if claimed is None:
            time.sleep(0.05)
        elif dice < 0.05:
            skip_assignment(rater=rater, assignment_id=claimed.public_id, reason="")
        elif dice > 0.1:
            try:
                done = submit_judgment(
                    rater=rater, assignment_id=claimed.public_id, answer={"side": "left"}
                )
            except LabelingError:
                continue
            # One write of a short line to a file opened for appending is whole or not at all.
            os.write(acks, f"{done.judgment.public_id}\n".encode())


def start(raters: list[Rater], campaign: Campaign, acks: int) -> int:
    """The id of a new process in which these raters work."""
    connections.close_all()
    if child := os.fork():
        return child
    threads = [
        threading.Thread(target=work, args=(rater, campaign, acks), daemon=True) for rater in raters
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(1)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def main() -> int:
    campaign = Campaign.objects.get(pk=int(sys.argv[1]))
    acks = os.open(Path(sys.argv[2]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    end = time.monotonic() + float(sys.argv[3])
    raters = [Rater.objects.get(pk=int(pk)) for pk in sys.argv[4:]]
    shares = [raters[number::PROCESSES] for number in range(PROCESSES)]
    pids = [start(share, campaign, acks) for share in shares]
    kills = 0
    try:
        while time.monotonic() < end:
            time.sleep(random.uniform(0.1, 0.4))
            chosen = random.randrange(PROCESSES)
            kill(pids[chosen])
            kills += 1
            pids[chosen] = start(shares[chosen], campaign, acks)
            if not Assignment.objects.filter(campaign=campaign, ended_at=None).exists():
                break
    finally:
        for pid in pids:
            kill(pid)
        connection.close()
    return kills


if __name__ == "__main__":
    print(main())
