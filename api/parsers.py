"""JSON bodies, read strictly: what would be stored differently from what was sent is refused."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is larger than any number that can be stored")
    return number


def _check_text(value: Any, path: str = "") -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ParseError(f"{path or 'body'}: a NUL character cannot be stored; take it out.")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ParseError(f"{path or 'body'}: half of a surrogate pair is not a character.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, f"key of {path or 'body'}")
            _check_text(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_text(item, f"{path}[{number}]")


class StrictJSONParser(BaseParser):
    """UTF-8 JSON without NaN or infinite numbers, twin keys, NUL characters or lone surrogates."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise RequestDataTooBig
        if not raw:
            return {}
        try:
            value = json.loads(
                raw.decode("utf-8"),
                object_pairs_hook=_once,
                parse_constant=_no_constant,
                parse_float=_finite,
            )
            _check_text(value)
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise ParseError(f"The body is not JSON that can be read: {reason[:200]}") from None
        return value
