"""Secrets of an installation that nobody gave any: made once, kept in its folder."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Keys:
    """What signs sessions, and what seals fields."""

    secret_key: str
    field_encryption_keys: list[str]


def load_keys(home: Path) -> Keys:
    """The installation's keys, made and stored (0600) at the first call."""
    path = home / "keys.json"
    if not path.exists():
        fresh = {
            "secret_key": secrets.token_urlsafe(50),
            "field_encryption_keys": [base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()],
        }
        write_private(path, fresh)
    return Keys(**json.loads(path.read_text()))


def write_private(path: Path, content: object) -> None:
    """Write JSON that only its owner may read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
