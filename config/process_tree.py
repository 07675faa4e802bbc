"""A tree of child processes: one log, restarts of what died, and an end in reverse order.

One thread does it all, for two reasons: the kernel's parent-death signal follows the thread that
started a child, and a fork beside running threads is unsafe.
"""

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from config.children import Command, kill_group, spawn
from config.console import say
from config.embedded import EmbeddedError, explain_exit

_SETTLED_AFTER = 30.0
_LONGEST_PAUSE = 10.0
_TRIES_BEFORE_READY = 3
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody asked the tree to end."""


@dataclass
class Child:
    """One place in the tree, and the process that holds it now."""

    command: Command
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    failures: int = 0
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=40))
    rest: bytes = b""


class ProcessTree:
    """Children that are started in order, watched, restarted, and stopped in reverse."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.is_ready = False
        self._stop_requests = 0
        self._selector = selectors.DefaultSelector()
        # A signal must end a wait at once: Python writes its number into this pipe.
        self._waker, self._wake = os.pipe()
        os.set_blocking(self._waker, False)
        os.set_blocking(self._wake, False)
        self._selector.register(self._waker, selectors.EVENT_READ)

    def listen(self) -> None:
        """Take SIGINT, SIGTERM and SIGHUP as the wish to stop.

        Set explicitly: a shell's background job inherits SIGINT ignored.
        """
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, self._request_stop)

    def _request_stop(self, *_: object) -> None:
        self._stop_requests += 1

    def add(self, command: Command) -> None:
        """Start a child that stays: it is restarted when it ends."""
        child = Child(command)
        self.children.append(child)
        self._start(child)

    def run_together(self, commands: list[Command]) -> None:
        """Run steps to their end, side by side, while the tree is watched; raise if one fails."""
        steps = [Child(command) for command in commands]
        try:
            for step in steps:
                self._start(step)
            while any(step.process and step.process.poll() is None for step in steps):
                self.watch()
        finally:
            for step in steps:
                self._finish(step)
        for step in steps:
            if step.process and step.process.returncode:
                raise EmbeddedError(f"{step.command.name} failed:\n" + "\n".join(step.last_lines))

    def wait_until(self, is_true: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Watch the tree until the condition holds; raise when it takes longer than allowed."""
        deadline = time.monotonic() + seconds
        while not is_true():
            self.watch(0.05)
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{what} took longer than {seconds:.0f} s; see the log above.")

    def watch(self, timeout: float = 0.2) -> None:
        """Pass on what the children say and restart the dead; raise Stopped when asked to end."""
        self._pump(timeout)
        if self._stop_requests:
            raise Stopped
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if now >= child.restart_at:
                    self._start(child)
            elif child.process.poll() is not None:
                self._bury(child, now)

    def stop(self, groups: list[set[str]], *, patience: float) -> None:
        """End the children group by group; a second signal cuts the waiting short."""
        asked = self._stop_requests
        for names in groups:
            members = [child for child in self.children if child.command.name in names]
            for child in reversed(members):
                if child.process and child.process.poll() is None:
                    child.process.send_signal(child.command.stop_signal)
            deadline = time.monotonic() + patience
            while any(child.process and child.process.poll() is None for child in members):
                if time.monotonic() > deadline or self._stop_requests > max(asked, 1):
                    break
                self._pump(0.05)
            for child in members:
                self._finish(child)
        signal.set_wakeup_fd(-1)

    def _start(self, child: Child) -> None:
        child.started_at = time.monotonic()
        child.rest = b""
        try:
            child.process = spawn(child.command, output=subprocess.PIPE)
        except (EmbeddedError, OSError) as error:
            say("up", f"{child.command.name} does not start: {error}")
            self._postpone(child, child.started_at)
            return
        assert child.process.stdout  # noqa: S101 - asked for in the line above
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _bury(self, child: Child, now: float) -> None:
        process = child.process
        assert process  # noqa: S101 - the caller looked
        # What a killed server left behind may end the request that it is in the middle of.
        self._finish(child, signal.SIGTERM)
        reason = explain_exit(child.command, process, "\n".join(child.last_lines))
        if not self.is_ready and child.failures + 1 >= _TRIES_BEFORE_READY:
            raise EmbeddedError(reason)
        if now - child.started_at > _SETTLED_AFTER:
            child.failures = 0
        self._postpone(child, now)
        pause = child.restart_at - now
        say("up", f"{reason.splitlines()[0].rstrip(':')}; starting it again in {pause:.1f} s")

    def _postpone(self, child: Child, now: float) -> None:
        child.process = None
        child.restart_at = now + min(0.2 * 2**child.failures, _LONGEST_PAUSE)
        child.failures += 1

    def _finish(self, child: Child, to_the_rest: signal.Signals = signal.SIGKILL) -> None:
        """See a child off: its last words are passed on, and its group is told to end."""
        process = child.process
        if process is None or process.stdout is None or process.stdout.closed:
            return
        kill_group(process, to_the_rest)
        process.wait()
        self._read(child)
        if child.rest:
            self._say(child, child.rest)
        self._selector.unregister(process.stdout)
        process.stdout.close()

    def _pump(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                os.read(self._waker, 512)
            elif not self._read(key.data):
                # End of file while the process lives on: without a pause this loop would spin.
                time.sleep(0.02)

    def _read(self, child: Child) -> bool:
        assert child.process and child.process.stdout  # noqa: S101 - registered with its process
        try:
            data = os.read(child.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, child.rest = (child.rest + data).split(b"\n")
        for line in lines:
            self._say(child, line)
        return bool(data)

    def _say(self, child: Child, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        child.last_lines.append(text)
        if not (child.command.unsaid and child.command.unsaid in text):
            say(child.command.name, text)
