"""Catalogues are complete: nothing a rater reads is left in English, in any of the languages."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.utils import translation

from config import catalogues

LANGUAGES = tuple(catalogues.PLURALS)
TEMPLATES = catalogues.BASE_DIR / "templates"
# Managers' pages are in English.
OF_MANAGERS = (
    "campaign",
    "activity",
    "settings",
    "endpoint",
    "job",
    "report",
    "dataset",
    "organisation",
    "invit",
    "builder",
    "review",
    "guideline_",
)
PARTS_OF_MANAGERS = {"campaign_state", "estimate", "clause_estimate", "votes", "waiting"}
PLACE = re.compile(r"%\(\w+\)s")
TAG = re.compile(r"</?[a-z][^>]*>")
OF_ONE_NUMBER: dict[str, set[int]] = {"es": {0}, "fr": set(), "hi": set(), "ar": {0, 1, 2}}
# Names and signs that are the same everywhere.
UNTRANSLATED = {"Thurstone", "Esc", "Alt", "Ctrl", "Markdown"}
SPOKEN = {"aria-label", "placeholder", "title", "alt", "aria-description"}


@pytest.fixture(scope="module")
def messages():
    return catalogues.extracted()


def forms(message):
    return message.string if isinstance(message.string, tuple) else (message.string,)


def source(message):
    return message.id if isinstance(message.id, str) else message.id[-1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_the_files_are_up_to_date(language, messages):
    wanted = catalogues.updated(language, messages)
    assert catalogues.missing(wanted) == []
    po, mo = catalogues.written(wanted)
    path = catalogues.catalogue_path(language)
    assert path.read_text() == po.decode(), "run make messages"
    assert path.with_suffix(".mo").read_bytes() == mo, "run make messages"


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_places_tags_and_quotes(language):
    faults = []
    for message in catalogues.read(language):
        if not message.id:
            continue
        places, tags = (
            Counter(PLACE.findall(source(message))),
            Counter(TAG.findall(source(message))),
        )
        for number, form in enumerate(forms(message)):
            # A form that stands for one number alone may be a word: "one", "two".
            is_word = message.pluralizable and number in OF_ONE_NUMBER[language]
            kept = Counter(PLACE.findall(form))
            fits = kept <= places if is_word else kept == places
            if (
                not fits
                or Counter(TAG.findall(form)) != tags
                or form.count("%") - form.count("%%") * 2 != sum(kept.values())
            ):
                faults.append((source(message), form))
            # In an attribute a straight quote would end it.
            if form.count('"') != source(message).count('"'):
                faults.append((source(message), form))
            if form != form.strip() and source(message) == source(message).strip():
                faults.append((source(message), form))
    assert faults == []


def test_arabic_counts_in_six_forms():
    with translation.override("ar"):
        said = [translation.ngettext("%(n)s skipped", "%(n)s skipped", n) for n in range(120)]
    assert len(set(said)) == 6
    assert said[0] != said[1] != said[2] != said[3] != said[11] != said[100]
    assert said[3] == said[10] == said[103]
    assert said[11] == said[99] == said[111]


@pytest.mark.parametrize("language", LANGUAGES)
def test_hardly_anything_is_the_same_as_in_english(language):
    """A message that was copied over is not a translation; a few words are shared."""
    same = [
        PLACE.sub("", TAG.sub("", source(message)))
        for message in catalogues.read(language)
        if message.id and forms(message)[0] == source(message)
    ]
    assert [text for text in same if len(text) > 15] == []


class _Texts(HTMLParser):
    """What a reader sees or hears of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.quiet = 0

    def handle_starttag(self, tag, attributes):
        self.quiet += tag in {"script", "style"}
        self.found += [value for name, value in attributes if name in SPOKEN and value]

    def handle_endtag(self, tag):
        self.quiet -= tag in {"script", "style"}

    def handle_data(self, text):
        if not self.quiet:
            self.found.append(text)


def unmarked(text: str) -> list[str]:
    """The words of a template that no tag marks for translation."""
    for pattern in (
        r"{#.*?#}",
        r"{% comment %}.*?{% endcomment %}",
        r"{% blocktranslate.*?{% endblocktranslate %}",
        # Classes, and attributes that only a script reads.
        r"{% block \w+_class %}.*?{% endblock.*?%}",
        r"{%.*?%}",
        r"{{.*?}}",
    ):
        text = re.sub(pattern, " ", text, flags=re.DOTALL)
    text = re.sub(r"\sdata-[a-z-]+(=\"[^\"]*\")?", " ", text)
    parser = _Texts()
    parser.feed(text)
    words = [word for part in parser.found for word in re.findall(r"[^\W\d_]{2,}", part)]
    return [word for word in words if word not in UNTRANSLATED]


def raters_templates() -> list[Path]:
    return [
        path
        for path in sorted(TEMPLATES.rglob("*.html"))
        if not path.stem.startswith(OF_MANAGERS)
        and path.stem not in PARTS_OF_MANAGERS
        # What django-allauth puts its own words into, which it translates itself.
        and path.parent.name != "elements"
    ]


def test_no_word_of_a_raters_page_is_left_unmarked():
    found = {
        path.relative_to(TEMPLATES).as_posix(): words
        for path in raters_templates()
        if (words := unmarked(path.read_text()))
    }
    assert found == {}
    assert len(raters_templates()) > 25


def test_the_search_for_unmarked_words_finds_them():
    assert unmarked('<p aria-label="Left out">{% translate "In" %} {{ x }} Out</p>') == [
        "Left",
        "out",
        "Out",
    ]


def test_extraction_reads_templates_and_code(messages):
    said = {source(message) for message in messages if message.id}
    assert {"Submit", "%(name)s: account", "I lack the expertise", "Not found"} <= said
