"""Drills on the real process tree: kills, restarts, refusals, and an end that leaves nothing."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
from django.db import connections

from config.embedded import running_services, socket_url
from tests.ops.tree import ROOT, Tree, is_alive, wait_for


@pytest.fixture(scope="module")
def tree(tmp_path_factory, start) -> Tree:
    """One running tree for all drills that leave it running."""
    tree: Tree = start(tmp_path_factory.mktemp("up") / "home")
    tree.wait_ready()
    return tree


@pytest.mark.parametrize(
    ("name", "part"),
    [("web", "config.wsgi"), ("worker", "workers.embedded"), ("postgres", "postgres -D")],
)
def test_what_was_killed_is_started_again_and_the_next_request_succeeds(tree, name, part):
    victim = tree.pid_of(part)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: f"{name} ended" in tree.log, seconds=5, what="the supervisor's notice")
    wait_for(
        lambda: any(part in line for pid, line in tree.descendants().items() if pid != victim),
        seconds=15,
        what="the restart",
    )
    if name == "postgres":
        # The server recovers first; after that no request meets a connection that broke.
        wait_for(lambda: tree.log.count("ready to accept") >= 2, seconds=15, what="recovery")
    assert [tree.status() for _ in range(8)] == [200] * 8


def test_a_killed_valkey_comes_back_with_what_it_held(tree):
    import redis

    client = redis.Redis.from_url(running_services(tree.home).redis_url)
    client.set("drill", "kept")
    # Its log is synced every second.
    wait_for(
        lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0, seconds=5, what="fsync"
    )
    os.kill(tree.pid_of("valkey-server"), signal.SIGKILL)
    wait_for(lambda: "valkey ended" in tree.log, seconds=5, what="the supervisor's notice")

    def answers() -> bool:
        try:
            return bool(client.get("drill") == b"kept")
        except redis.ConnectionError:
            return False

    wait_for(answers, seconds=10, what="valkey's return")
    assert tree.status() == 200


def test_a_second_up_on_the_same_folder_is_refused(tree):
    second = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=tree.env,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert "Traceback" not in second.stderr
    assert tree.status() == 200


def test_a_taken_port_is_named_with_the_way_out(tree, tmp_path):
    refused = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env={**tree.env, "THURSTONE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert refused.returncode == 1
    assert f"Port {tree.port} cannot be used" in refused.stderr
    assert f"PORT={tree.port + 1}" in refused.stderr


def test_a_command_beside_it_joins_the_running_instance(tree):
    env = {name: value for name, value in tree.env.items() if name != "PORT"}
    shell = subprocess.run(
        [
            *(sys.executable, "manage.py", "shell", "-v", "0", "-c"),
            "from django.contrib.auth import get_user_model as m; print(m().objects.count())",
        ],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shell.returncode == 0, shell.stderr
    assert shell.stdout.strip().isdigit()


def test_no_port_is_open_but_the_web_one(tree):
    inodes = set()
    for pid in tree.descendants():
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            try:
                inodes.add(str(fd.readlink()))
            except OSError:
                continue
    listening = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                listening.add(int(fields[1].split(":")[1], 16))
    assert listening == {tree.port}


def test_secrets_and_sockets_are_their_owner_s_alone(tree):
    assert tree.home.stat().st_mode & 0o077 == 0
    for name in ("keys.json", "running.json"):
        assert (tree.home / name).stat().st_mode & 0o077 == 0


def test_ctrl_c_stops_all_and_leaves_nothing(tree):
    processes = tree.descendants()
    assert len(processes) > 6
    tree.process.send_signal(signal.SIGINT)
    assert tree.process.wait(10) == 0
    assert not [line for pid, line in processes.items() if is_alive(pid)]
    assert running_services(tree.home) is None
    assert "database system is shut down" in tree.log
    left = {path.name for path in tree.home.iterdir()}
    assert not left & {"running.json", "valkey.sock", ".s.PGSQL.5432"}


def test_kill_9_of_the_supervisor_leaves_no_child(tmp_path, start):
    """In a folder with a space and a hundred characters, where sockets need a place elsewhere."""
    tree = start(tmp_path / "a b" / ("long" * 25) / "home")
    tree.wait_ready()
    processes = tree.descendants()
    sockets = running_services(tree.home).redis_url
    assert str(tree.home) not in sockets
    tree.process.kill()
    tree.process.wait()
    wait_for(
        lambda: not any(is_alive(pid) for pid in processes), seconds=10, what="the children's end"
    )
    # PostgreSQL was told to stop, not torn down: nothing is recovered at the next start.
    again = start(tree.home)
    again.wait_ready()
    assert "was interrupted" not in again.log
    assert again.status() == 200


def test_a_given_database_is_used_and_none_is_started(tmp_path, start, django_db_blocker):
    with django_db_blocker.unblock():
        settings = connections["default"].settings_dict
    name = f"up_{uuid.uuid4().hex}"
    address = {"host": settings["HOST"], "user": settings["USER"], "dbname": "postgres"}
    address |= {"port": settings["PORT"] or None, "password": settings["PASSWORD"] or None}
    with psycopg.connect(**address, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    tree = start(tmp_path / "home", DATABASE_URL=url)
    try:
        tree.wait_ready()
        assert not [line for line in tree.descendants().values() if "postgres -D" in line]
        assert not (tree.home / "postgres").exists()
        with psycopg.connect(**{**address, "dbname": name}) as database:
            applied = database.execute("SELECT count(*) FROM django_migrations").fetchone()
        assert applied and applied[0] > 0
        assert tree.status() == 200
    finally:
        tree.end()
        with psycopg.connect(**address, autocommit=True) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_the_terminal_going_away_stops_it(tmp_path, start):
    tree = start(tmp_path / "home")
    wait_for(lambda: "ready to accept" in tree.log, seconds=60, what="the services' start")
    processes = tree.descendants()
    tree.process.send_signal(signal.SIGHUP)
    tree.process.wait(10)
    assert not [line for pid, line in processes.items() if is_alive(pid)]


def test_a_socket_s_address_survives_a_url(tmp_path):
    import dj_database_url

    folder = tmp_path / "a b%c"
    assert dj_database_url.parse(socket_url(folder))["HOST"] == str(folder)
