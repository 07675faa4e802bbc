"""The environment, read once: a setting has its name, type and default here or in settings."""

import os
import sys
from pathlib import Path
from urllib.parse import quote

from environs import Env

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("THURSTONE_HOME", BASE_DIR / ".thurstone"))

env = Env()
if "pytest" not in sys.modules:
    env.read_env(str(BASE_DIR / ".env"), recurse=False)


class UnsafeSettingsError(SystemExit):
    """The server refuses to start on a setting that would hurt; the message says which and why."""


def refuse_unsafe(*, debug: bool, secret_key: str, hosts: list[str], database_url: str) -> None:
    """Stop the process when a production setting is missing, an example, or a default."""
    if debug:
        return
    wrong = []
    if len(secret_key) < 40 or secret_key.startswith(("django-insecure", "change-me", "example")):
        wrong.append(
            "SECRET_KEY is missing, short or an example. Make one: "
            "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    if not hosts or "*" in hosts:
        wrong.append("ALLOWED_HOSTS must name this server's host names, and not be *.")
    for weak in (":postgres@", ":password@", ":change-me@", ":thurstone@"):
        if weak in database_url:
            wrong.append("DATABASE_URL carries a default password. Choose one of your own.")
    if wrong:
        raise UnsafeSettingsError(
            "Refusing to start with DEBUG=0:\n" + "\n".join(f"  - {line}" for line in wrong)
        )


def socket_url(folder: Path) -> str:
    """A database URL for the server whose socket lies in `folder`."""
    return f"postgres://postgres@{quote(str(folder), safe='')}/postgres"
