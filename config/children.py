"""Child processes that stop when asked, and that die with their parent even on its kill -9."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO

NO_NAMESPACE = 97
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: a child must not import or allocate between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Command:
    """A child to be: what to run, how to stop it, and what it gets if its parent vanishes."""

    name: str
    argv: list[str]
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGTERM
    drop_root: bool = False
    env: Mapping[str, str] | None = None
    pass_fds: tuple[int, ...] = ()
    # A line with this in it is not passed on to the terminal; empty: every line is.
    unsaid: str = ""
    before: Callable[[], None] = field(default=lambda: None)


def spawn(command: Command, *, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start a child that Ctrl-C does not reach and that dies with this thread, even on kill -9.

    Call it from the main thread: the kernel's parent-death signal follows the thread.
    """
    command.before()
    return subprocess.Popen(
        command.argv,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=None if command.env is None else dict(command.env),
        pass_fds=command.pass_fds,
        preexec_fn=_in_child(command.orphan_signal, command.drop_root),  # noqa: PLW1509
    )


def _in_child(orphan_signal: signal.Signals, drop_root: bool) -> Callable[[], None]:
    parent = os.getpid()

    def prepare() -> None:
        os.setsid()
        if _libc is None:
            return
        # PostgreSQL refuses uid 0. In a user namespace that maps nobody, root is 65534 to
        # itself and still owns its files: no account, no chown. Before prctl, which this resets.
        if drop_root and os.geteuid() == 0 and _libc.unshare(_CLONE_NEWUSER):
            os._exit(NO_NAMESPACE)
        _libc.prctl(_PR_SET_PDEATHSIG, int(orphan_signal))
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def stop(process: subprocess.Popen[bytes], stop_signal: int, *, patience: float) -> None:
    """Signal a child and wait; past `patience` seconds its whole process group is killed."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            kill_group(process)
            process.wait()
    kill_group(process)


def kill_group(
    process: subprocess.Popen[bytes], with_signal: signal.Signals = signal.SIGKILL
) -> None:
    """End what is left of a child's process group: a killed parent may leave children behind."""
    try:
        os.killpg(process.pid, with_signal)
    except (ProcessLookupError, PermissionError):
        return
