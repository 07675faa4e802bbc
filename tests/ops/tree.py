"""A real `manage.py up` in a folder of its own, watched from outside."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADDRESSES = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "BASE_URL")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(is_true: Callable[[], bool], *, seconds: float, what: str) -> float:
    """Wait until it holds; how long it took."""
    began = time.monotonic()
    while not is_true():
        assert time.monotonic() - began < seconds, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def environment(home: Path, static: Path, port: int, **more: str) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ADDRESSES and not name.startswith(("PYTEST", "DJANGO", "THURSTONE"))
    }
    own = {"THURSTONE_HOME": str(home), "STATIC_ROOT": str(static), "PORT": str(port)}
    return {**inherited, **own, **more}


class Tree:
    """A started `up`, its log, and its processes."""

    def __init__(self, home: Path, static: Path, **more: str) -> None:
        self.home, self.port = home, free_port()
        self.env = environment(home, static, self.port, **more)
        home.parent.mkdir(parents=True, exist_ok=True)
        self.log_path = home.parent / "up.log"
        self._earlier = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What this tree has said, without an earlier one's words."""
        return self.log_path.read_bytes()[self._earlier :].decode(errors="replace")

    def wait_ready(self) -> None:
        def is_ready() -> bool:
            assert self.process.poll() is None, self.log[-4000:]
            return "Thurstone is ready" in self.log

        wait_for(is_ready, seconds=120, what=f"readiness (log: {self.log_path})")

    def status(self) -> int:
        """What the server answers to one request that waits as long as a browser would."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/healthz/ready")
            return connection.getresponse().status
        finally:
            connection.close()

    def descendants(self) -> dict[int, str]:
        """Every process of the tree, by number, with its command line."""
        children: dict[int, list[int]] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
        found, todo = {}, [self.process.pid]
        while todo:
            pid = todo.pop()
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            found[pid] = line
            todo += children.get(pid, [])
        return found

    def pid_of(self, part: str) -> int:
        """The supervisor's own child whose command line has this part."""
        own = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        everything = self.descendants()
        return next(int(pid) for pid in own.split() if part in everything.get(int(pid), ""))

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
