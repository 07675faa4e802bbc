"""The one password of the demo's accounts, kept where `up` finds it to print it."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password

FILE_NAME = "demo.json"


@dataclass(frozen=True)
class DemoPassword:
    """The password as it is typed, and as the accounts store it."""

    text: str
    encoded: str


def demo_password() -> DemoPassword:
    """DEMO_PASSWORD, else the one kept, else a new one; kept with its hash in demo.json (0600).

    The hash is kept because making one takes about a second, and every start needs it.
    """
    path = settings.HOME / FILE_NAME
    kept = _kept(path)
    text = os.environ.get("DEMO_PASSWORD") or kept.get("password") or secrets.token_urlsafe(9)
    encoded = kept.get("encoded") if text == kept.get("password") else None
    password = DemoPassword(text, encoded or make_password(text))
    if kept != (keep := {"password": password.text, "encoded": password.encoded}):
        _write(path, json.dumps(keep))
    return password


def _kept(path: Path) -> dict[str, str]:
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    new.replace(path)
