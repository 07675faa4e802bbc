"""`manage.py up`: the whole of Thurstone as one process tree in the foreground.

Runs without Django, so that it stays small and needs no settings before it has made them.
"""

import argparse
import hashlib
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dotenv import dotenv_values

from config import console
from config.children import Command
from config.embedded import (
    AlreadyRunningError,
    EmbeddedError,
    Services,
)
from config.own_keys import load_keys
from config.process_tree import ProcessTree, Stopped

BASE_DIR = Path(__file__).resolve().parent.parent
_APPLICATION = {"web", "worker"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `up`."""
    parser.add_argument("--demo", action="store_true", help="load the demo and its accounts first")
    parser.add_argument("--port", type=int, help="the web port (default: PORT, or 8000)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tree until somebody stops it; the exit status."""
    parser = argparse.ArgumentParser(prog="manage.py up", description=__doc__)
    add_arguments(parser)
    options = parser.parse_args(arguments)
    given = {k: v for k, v in dotenv_values(BASE_DIR / ".env").items() if v} | dict(os.environ)
    try:
        return _Up(given, demo=options.demo, port=options.port).run()
    except EmbeddedError as error:
        print(f"thurstone: {error}", file=sys.stderr)
        return 1


class _Up:
    def __init__(self, given: dict[str, str], *, demo: bool, port: int | None) -> None:
        self.began_at = time.monotonic()
        self.loads_demo = demo
        self.port = port or int(given.get("PORT") or 8000)
        self.home = Path(given.get("THURSTONE_HOME") or BASE_DIR / ".thurstone")
        try:
            self.services = Services(
                self.home,
                postgres=not given.get("DATABASE_URL"),
                valkey=not given.get("REDIS_URL"),
            )
        except AlreadyRunningError as error:
            raise EmbeddedError(
                f"{error}.\nStop that one first, or give this one a folder of its own: "
                "THURSTONE_HOME=… PORT=… python manage.py up"
            ) from error
        self.home = self.services.home
        try:
            self.listener = _listen(self.port)
        except EmbeddedError:
            self.services.close()
            raise
        self.env = self._environment(given)
        self.tree = ProcessTree()

    def _environment(self, given: dict[str, str]) -> dict[str, str]:
        keys = load_keys(self.home)
        env = {
            "SECRET_KEY": keys.secret_key,
            "FIELD_ENCRYPTION_KEYS": ",".join(keys.field_encryption_keys),
            "BASE_URL": f"http://127.0.0.1:{self.port}",
            "STATIC_ROOT": str(self.home / "static"),
            "PYTHONUNBUFFERED": "1",
            # Fewer heaps for threads: less memory that is free and yet not given back.
            "MALLOC_ARENA_MAX": "2",
            **given,
            "PORT": str(self.port),
            "THURSTONE_HOME": str(self.home),
            "WEB_GRACEFUL_SECONDS": "4",
            **self.services.environment,
        }
        # The accounts of an earlier demo are still there, so it is a demo still.
        if self.loads_demo or console.demo_password(self.home):
            env["THURSTONE_DEMO"] = "1"
        return env

    def run(self) -> int:
        self.tree.listen()
        try:
            self._start()
            self.tree.is_ready = True
            url = f"http://127.0.0.1:{self.port}"
            console.print_welcome(url, self.home, seconds=time.monotonic() - self.began_at)
            while True:
                self.tree.watch()
        except Stopped:
            return 0
        finally:
            console.say("up", "stopping")
            self.tree.stop([_APPLICATION, {"valkey"}, {"postgres"}], patience=6)
            self.listener.close()
            self.services.close()
            console.say("up", "stopped")

    def _start(self) -> None:
        self.services.prepare()
        for command in self.services.commands():
            self.tree.add(command)
        self.tree.wait_until(self.services.is_ready, seconds=60, what="Starting the services")
        self.services.announce(self.env)
        steps = [self._manage("migrate", "migrate", "--no-input", "-v", "0")]
        stamp = Path(self.env["STATIC_ROOT"] + ".stamp")
        fingerprint = _fingerprint(self.env["STATIC_ROOT"])
        if not stamp.exists() or stamp.read_text() != fingerprint:
            steps.append(self._manage("static", "collectstatic", "--no-input", "-v", "0"))
        self.tree.run_together(steps)
        stamp.write_text(fingerprint)
        if self.loads_demo:
            self._load_demo()
        for command in self._application():
            self.tree.add(command)
        self.tree.wait_until(self._answers, seconds=120, what="Starting the web server")

    def _load_demo(self) -> None:
        try:
            self.tree.run_together([self._manage("demo", "demo")])
        except EmbeddedError:
            # A study's file that cannot be read is told above; the rest of the demo is there.
            if not console.demo_password(self.home):
                raise
            console.say("up", "not all of the demo could be loaded; going on with the rest")

    def _application(self) -> list[Command]:
        python, env, fd = sys.executable, self.env, self.listener.fileno()
        return [
            Command(
                "web",
                # The socket is the supervisor's: while gunicorn restarts, requests wait in line.
                [
                    *(python, "-m", "gunicorn", "-c", "python:config.web"),
                    *("--bind", f"fd://{fd}", "config.wsgi"),
                ],
                env=env,
                pass_fds=(fd,),
            ),
            Command(
                "worker",
                [
                    *(python, "-m", "workers.embedded", str(self.home / "beat-schedule")),
                    *("--pool", "threads", "--loglevel", "warning"),
                    *("--concurrency", env.get("WORKER_CONCURRENCY", "16")),
                    *("--queues", env.get("WORKER_QUEUES", "default,llm")),
                    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
                ],
                env=env,
                # Celery's warm shutdown would wait for tasks whose database is gone.
                orphan_signal=signal.SIGKILL,
            ),
        ]

    def _manage(self, name: str, *arguments: str) -> Command:
        argv = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
        return Command(name, argv, env=self.env)

    def _answers(self) -> bool:
        # By hand: http.client would bring its TLS library along for the supervisor's whole life.
        request = b"GET /healthz/ready HTTP/1.0\r\nHost: localhost\r\n\r\n"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(request)
                return connection.recv(64).split()[1:2] == [b"200"]
        except OSError:
            return False


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        raise EmbeddedError(
            f"Port {port} cannot be used ({error}).\n"
            f"Stop the program that holds it, or choose another: PORT={port + 1} make demo"
        ) from error
    listener.listen(512)
    return listener


def _fingerprint(static_root: str) -> str:
    """A digest that changes with the static files of the tree, the locked packages or the place."""
    digest = hashlib.sha256(static_root.encode())
    for lock in sorted((BASE_DIR / "requirements").glob("*.txt")):
        digest.update(lock.read_bytes())
    for folder in ("labeling", "api"):
        for path in sorted((BASE_DIR / folder).glob("**/static/**/*")):
            status = path.stat()
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
