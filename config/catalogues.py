"""Message catalogues: `python -m config.catalogues` brings locale/ up to date with the pages.

Babel does it, since GNU gettext is not on a fresh machine. New messages arrive empty and are
translated in locale/<language>/LC_MESSAGES/django.po; those that no page says any more are dropped.
"""

import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

BASE_DIR = Path(__file__).resolve().parent.parent
LOCALE = BASE_DIR / "locale"
# How many forms a count has, and which one a number takes, as C and gettext write it.
PLURALS = {
    "es": (2, "(n != 1)"),
    "fr": (2, "(n > 1)"),
    "hi": (2, "(n > 1)"),
    "ar": (
        6,
        "(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99"
        " ? 4 : 5)",
    ),
}
CALLS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
# A fixed day: a catalogue differs from the last one where its messages do.
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_COMMENT = re.compile(r"{#.*?#}")


def catalogue_path(language: str) -> Path:
    """Where the language's messages are written."""
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def extracted() -> Catalog:
    """Every message that pages say, without translations, in the order of files."""
    catalogue = Catalog(project="Thurstone", fuzzy=False, creation_date=SINCE, charset="utf-8")
    for path, message, context in _messages():
        name = path.relative_to(BASE_DIR).as_posix()
        catalogue.add(message, locations=[(name, 0)], context=context)
    return catalogue


def read(language: str) -> Catalog:
    """The language's catalogue as it stands; an empty one if there is none."""
    path = catalogue_path(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, messages: Catalog) -> Catalog:
    """A catalogue of these messages with the translations that the language has already."""
    known = read(language)
    catalogue = Catalog(
        locale=language,
        project="Thurstone",
        fuzzy=False,
        creation_date=SINCE,
        revision_date=SINCE,
        last_translator="Thurstone's contributors",
        language_team=language,
        copyright_holder="Thurstone's contributors",
        header_comment=f"# Thurstone's pages in {Locale.parse(language).english_name}.",
    )
    forms, rule = PLURALS[language]
    catalogue.mime_headers = [("Plural-Forms", f"nplurals={forms}; plural={rule};")]
    for message in messages:
        if message.id:
            before = known.get(message.id, context=message.context)
            catalogue.add(
                message.id,
                before.string if before and not before.fuzzy else None,
                locations=message.locations,
                context=message.context,
            )
    return catalogue


def written(catalogue: Catalog) -> tuple[bytes, bytes]:
    """The catalogue as the bytes of a .po and of a .mo."""
    po, mo = io.BytesIO(), io.BytesIO()
    write_po(po, catalogue, width=100, include_lineno=False, ignore_obsolete=True)
    write_mo(mo, catalogue)
    return po.getvalue(), mo.getvalue()


def missing(catalogue: Catalog) -> list[str]:
    """The messages without a translation, by their English; a count needs each of its forms."""
    found = []
    for message in catalogue:
        if not message.id:
            continue
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        wanted = catalogue.num_plurals if message.pluralizable else 1
        if len(forms) != wanted or not all(forms) or message.fuzzy:
            found.append(message.id if isinstance(message.id, str) else message.id[0])
    return found


def main() -> None:
    """Write every language's two files, and say what waits for a translator."""
    messages = extracted()
    for language in PLURALS:
        catalogue = updated(language, messages)
        path = catalogue_path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        po, mo = written(catalogue)
        path.write_bytes(po)
        path.with_suffix(".mo").write_bytes(mo)
        waiting = missing(catalogue)
        print(f"{language}: {len(catalogue)} messages, {len(waiting)} to be translated")
        for message in waiting:
            print(f"  {message}")


def _messages() -> Iterator[tuple[Path, str | tuple[str, ...], str | None]]:
    for path in sorted((BASE_DIR / "templates").rglob("*.html")):
        # As Python: calls of gettext where the tags are, in one bracket, so that no indent matters.
        source = f"(\n{templatize(_COMMENT.sub('', path.read_text()))}\n)"
        yield from _said(path, source)
    for folder in ("labeling/web", "labeling/templatetags"):
        for path in sorted((BASE_DIR / folder).rglob("*.py")):
            yield from _said(path, path.read_text())


def _said(path: Path, source: str) -> Iterable[tuple[Path, str | tuple[str, ...], str | None]]:
    for _line, message, _comments, context in extract(
        "python", io.BytesIO(source.encode()), keywords=CALLS
    ):
        yield path, message, context


if __name__ == "__main__":
    main()
