"""The environment, read once: a setting has its name, type and default here or in settings."""

import sys
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Mail:
    """How mail goes out, as Django's settings call it."""

    backend: str = "dummy"
    host: str = "localhost"
    port: int = 25
    user: str = ""
    password: str = ""
    is_tls: bool = False
    is_ssl: bool = False


def mail_settings() -> Mail:
    """`EMAIL_URL`, else `EMAIL_HOST` and its kin; without either no mail is sent.

    smtp://user:password@host:587 (STARTTLS where there is a user), smtps://…:465, or console://.
    """
    url = env.str("EMAIL_URL", "")
    host = env.str("EMAIL_HOST", "")
    if url:
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps", "console"}:
            raise UnsafeSettingsError(
                "EMAIL_URL: smtp://user:password@host:587, smtps://…:465 or console://"
            )
        is_ssl = parts.scheme == "smtps"
        return Mail(
            backend="console" if parts.scheme == "console" else "smtp",
            host=parts.hostname or "localhost",
            port=parts.port or (465 if is_ssl else 587 if parts.username else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            is_tls=bool(parts.username) and not is_ssl,
            is_ssl=is_ssl,
        )
    if not host:
        return Mail()
    return Mail(
        backend="smtp",
        host=host,
        port=env.int("EMAIL_PORT", 587),
        user=env.str("EMAIL_HOST_USER", ""),
        password=env.str("EMAIL_HOST_PASSWORD", ""),
        is_tls=env.bool("EMAIL_USE_TLS", True),
        is_ssl=env.bool("EMAIL_USE_SSL", False),
    )


class UnsafeSettingsError(SystemExit):
    """The server refuses to start on a setting that would hurt; the message says which and why."""


def sign_on_origins(issuer: str, beside: list[str]) -> list[str]:
    """The servers a single sign-on may be asked at: the issuer, and those named beside it."""
    if not issuer:
        return []
    origins = []
    for url in (issuer, *beside):
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (parts.hostname or "") in LOOPBACK - {""}
        if not parts.netloc or not is_safe:
            raise UnsafeSettingsError(
                f"OIDC_ISSUER and OIDC_ORIGINS: {url} is no https:// address."
            )
        origins.append(f"{parts.scheme}://{parts.netloc}")
    return list(dict.fromkeys(origins))


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
