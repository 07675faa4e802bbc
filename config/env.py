"""The environment, read once: a setting has its name, type and default here or in settings."""

import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from environs import Env

BASE_DIR = Path(__file__).resolve().parent.parent
LOOPBACK = {"127.0.0.1", "localhost", "::1", "[::1]", ""}
EXAMPLE_WORDS = ("django-insecure", "change-me", "changeme", "change_me", "example", "your-secret")
DEFAULT_PASSWORDS = {
    *("postgres", "password", "passwd", "thurstone", "admin", "root", "secret", "test", "123456"),
    *("change-me", "changeme", "change_me", "choose-one", "example", "pass", "db", "user"),
}

env = Env()
if "pytest" not in sys.modules:
    env.read_env(str(BASE_DIR / ".env"), recurse=False)
HOME = Path(env.str("THURSTONE_HOME", "") or BASE_DIR / ".thurstone").expanduser()


class UnsafeSettingsError(SystemExit):
    """The server refuses to start on a setting that would hurt; the message says which and why."""


def refuse_unsafe(
    *, debug: bool, secret_key: str, hosts: list[str], base_url: str, database_url: str
) -> None:
    """Stop the process when a production setting is missing, an example, or a default."""
    wrong = _unsafe_debug(hosts, base_url) if debug else _unsafe(secret_key, hosts, database_url)
    if wrong:
        raise UnsafeSettingsError(
            f"Refusing to start with DEBUG={debug:d}:\n"
            + "\n".join(f"  - {line}" for line in wrong)
        )


def _unsafe(secret_key: str, hosts: list[str], database_url: str) -> list[str]:
    wrong = []
    example = any(word in secret_key.lower() for word in EXAMPLE_WORDS)
    if len(secret_key) < 40 or len(set(secret_key)) < 10 or example:
        wrong.append(
            "SECRET_KEY is missing, short or an example. Make one: "
            "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    if not hosts or "*" in hosts:
        wrong.append("ALLOWED_HOSTS must name this server's host names, and not be *.")
    if _has_default_password(database_url):
        wrong.append("DATABASE_URL carries a default password. Choose one of your own.")
    return wrong


def _unsafe_debug(hosts: list[str], base_url: str) -> list[str]:
    """DEBUG shows settings and source to whoever meets an error: for this machine alone."""
    reached_as = {*hosts, urlsplit(base_url).hostname or ""} - LOOPBACK
    if not reached_as:
        return []
    return [
        "DEBUG=1 is for development on one machine, and this server answers to "
        + ", ".join(sorted(reached_as))
        + ". Unset DEBUG, or ALLOWED_HOSTS and BASE_URL."
    ]


def _has_default_password(database_url: str) -> bool:
    try:
        parts = urlsplit(database_url)
        password = unquote(parts.password or "").lower()
    except ValueError:
        return False  # Whoever reads the address says what is wrong with it.
    return bool(password) and (password in DEFAULT_PASSWORDS or password == parts.username)
