"""What the children of `up` say on the terminal, and the one line of theirs that it leaves out."""

from pathlib import Path

import pytest

from config.embedded import Services
from config.process_tree import ProcessTree


def test_valkey_speaks_but_asks_no_newcomer_for_a_kernel_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    services = Services(tmp_path / "home", postgres=False)
    tree = ProcessTree()
    try:
        (command,) = services.commands()
        tree.add(command)
        tree.wait_until(services.is_ready, seconds=20, what="Starting Valkey")
    finally:
        tree.stop([{"valkey"}], patience=6)
        services.close()
    said = capsys.readouterr().out
    assert "overcommit" not in said
    # Every other line comes through: this one is of the same level.
    assert "valkey   | " in said
    assert "ready to exit" in said
    heard = "\n".join(tree.children[0].last_lines)
    if Path("/proc/sys/vm/overcommit_memory").read_text().strip() != "1":
        # Where the machine makes Valkey say it, it says it in the words that are known.
        assert "overcommit" in heard
