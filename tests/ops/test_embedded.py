"""The embedded services by themselves: their folder, their lock, what they refuse."""

import os

import psycopg
import pytest

from config.embedded import (
    AlreadyRunningError,
    EmbeddedError,
    Services,
    running_services,
)
from config.own_keys import load_keys


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder that has held a cluster, and whose services are stopped."""
    home = tmp_path_factory.mktemp("embedded") / "home"
    services = Services(home)
    services.start()
    services.stop()
    return home


def _connect(services: Services) -> "psycopg.Connection":
    return psycopg.connect(host=str(services.home), user="postgres", dbname="postgres")


def test_the_server_is_durable_in_utc_and_of_the_right_major(home):
    services = Services(home)
    services.start()
    try:
        with _connect(services) as server:
            for name, value in {
                "fsync": "on",
                "synchronous_commit": "on",
                "full_page_writes": "on",
                "timezone": "UTC",
                "server_encoding": "UTF8",
                "listen_addresses": "",
                "max_connections": "100",
            }.items():
                assert server.execute(f"SHOW {name}").fetchone() == (value,)
            assert server.info.server_version // 10000 == 18
            assert server.execute("SELECT lower('ÀÉ')").fetchone() == ("àé",)
    finally:
        services.stop()


def test_a_folder_is_one_process_s_at_a_time(home):
    services = Services(home)
    try:
        with pytest.raises(AlreadyRunningError, match="already running"):
            Services(home)
    finally:
        services.close()


def test_data_of_another_major_is_refused_untouched_with_the_way_over(home):
    version = home / "postgres" / "PG_VERSION"
    before = version.read_text()
    version.write_text("17\n")
    services = Services(home)
    try:
        with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 17(?s:.*)pg_dump"):
            services.start()
        assert version.read_text() == "17\n"
    finally:
        services.close()
        version.write_text(before)


def test_a_stale_pid_file_that_names_a_stranger_harms_nobody(home):
    """After a reboot the number in the file is somebody else's: here, this very process."""
    (home / "postgres" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{home / 'postgres'}\n0\n5432\n{home}\n\n0 0\nready\n"
    )
    services = Services(home)
    services.start()
    try:
        with _connect(services) as server:
            assert server.execute("SELECT 1").fetchone() == (1,)
    finally:
        services.stop()


def test_half_made_data_is_made_anew(tmp_path):
    home = tmp_path / "home"
    draft = home / "postgres.new" / "base"
    draft.mkdir(parents=True)
    services = Services(home, valkey=False)
    services.start()
    try:
        assert not draft.exists()
        assert set(services.environment) == {"DATABASE_URL"}
    finally:
        services.stop()


def test_keys_are_made_once_and_private(tmp_path):
    first = load_keys(tmp_path)
    assert load_keys(tmp_path) == first
    assert len(first.secret_key) >= 50
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_nothing_runs_where_nothing_was_started(tmp_path):
    assert running_services(tmp_path) is None
    (tmp_path / "lock").touch()
    (tmp_path / "running.json").write_text('{"database_url": "x", "redis_url": "y"}')
    assert running_services(tmp_path) is None
