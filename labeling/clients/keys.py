"""Seal a provider's key for storing, and open it again for the host it was entered for alone.

Fernet (cryptography) under a list of keys: the first seals, all open, so keys can be rotated. The
host is sealed in with the key: a base URL changed behind our back does not get it.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

_SHORTEST_HINTED = 16


class KeyUnreadableError(Exception):
    """The key cannot be had: sealed for another host, or under a key that is gone."""


class NoSealError(Exception):
    """There is no usable key to seal with."""


def host_of(url: str) -> str:
    """host:port of a base URL, the default port written out."""
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def seal_key(key: str, *, host: str, with_keys: Sequence[str]) -> bytes:
    """The key as it may be stored."""
    return _seal(with_keys).encrypt(orjson.dumps({"host": host, "key": key}))


def open_key(sealed: bytes, *, host: str, with_keys: Sequence[str]) -> str:
    """The key, or `KeyUnreadableError`."""
    try:
        value = orjson.loads(_seal(with_keys).decrypt(sealed))
    except (InvalidToken, NoSealError):
        raise KeyUnreadableError from None
    if value["host"] != host:
        raise KeyUnreadableError
    return str(value["key"])


def reseal(sealed: bytes, *, with_keys: Sequence[str]) -> bytes:
    """The same key under the newest of the keys, or `KeyUnreadableError`; for its host as ever."""
    try:
        return _seal(with_keys).rotate(sealed)
    except (InvalidToken, NoSealError):
        raise KeyUnreadableError from None


def hint_of(key: str) -> str:
    """How a key ends, to know it by; nothing of a short one, which that would give away."""
    return key[-4:] if len(key) >= _SHORTEST_HINTED else ""


def _seal(with_keys: Sequence[str]) -> MultiFernet:
    try:
        fernets = [Fernet(key) for key in with_keys]
    except ValueError:
        raise NoSealError from None
    if not fernets:
        raise NoSealError
    return MultiFernet(fernets)
