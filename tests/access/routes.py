"""Every address of the site, taken from the URL table: a new one is walked without being listed."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

# What answers those whom the server does not know: nothing here is about anybody. An image's
# address is signed for one person (tests/web/test_images.py).
PUBLIC = {"live", "ready", "metrics", "api:schema", "api-docs:docs", "login", "welcome", "image"}


def routes() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and parameters of every address."""

    def walk(
        patterns: list[URLPattern | URLResolver], spaces: tuple[str, ...], names: tuple[str, ...]
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        for pattern in patterns:
            regex = pattern.pattern.regex
            below = (*names, *regex.groupindex)
            if isinstance(pattern, URLResolver):
                space = (*spaces, pattern.namespace) if pattern.namespace else spaces
                yield from walk(pattern.url_patterns, space, below)
            elif pattern.name:
                yield ":".join((*spaces, pattern.name)), below

    yield from walk(get_resolver().url_patterns, (), ())


def address(name: str, parameters: tuple[str, ...], values: Mapping[str, Any]) -> str:
    """The path of an address; a value is looked up as `name.parameter`, then as `parameter`."""
    chosen = {key: values.get(f"{name}.{key}", values.get(key)) for key in parameters}
    assert None not in chosen.values(), f"say in the test what {name} is to be asked for"
    return reverse(name, kwargs=chosen)
