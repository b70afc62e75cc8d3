"""The embedded texts of software: their pairs, cleaned and split."""

from __future__ import annotations

from itertools import combinations

import polib
import pytest

from common.errors import InputError
from common.sources import wheels
from common.sources.embedded import catalogues
from common.sources.load import load
from common.sources.parallel import PairReader
from common.sources.records import Pair, Pairs, normalised
from common.sources.splits import SPLITS, Splits

pytestmark = pytest.mark.usefixtures("embedded_cache")


def catalogue(*entries: polib.POEntry) -> bytes:
    made = polib.MOFile()
    made.metadata = {"Content-Type": "text/plain; charset=utf-8"}
    made.extend(entries)
    return made.to_binary()


@pytest.fixture
def translations(monkeypatch):
    """The pairs of a package that has these entries."""
    monkeypatch.setattr(wheels, "fetch", lambda _: None)

    def found(*entries: polib.POEntry) -> list[Pair]:
        monkeypatch.setattr(wheels, "members", lambda *_: {"app.mo": catalogue(*entries)})
        return list(catalogues.translations("app", "fr"))

    return found


def test_whitespace_is_trimmed_and_contexts_are_ignored(translations):
    one = polib.POEntry(msgid="\n  Open the\n  file ", msgstr="Ouvrir  le fichier\n")
    other = polib.POEntry(msgid="Open", msgstr="Ouvert", msgctxt="state")
    assert translations(one, other) == [Pair("Open the file", "Ouvrir le fichier"), Pair("Open", "Ouvert")]


def test_what_needs_no_translation_is_left_out(translations):
    same, key = polib.POEntry(msgid="Contact", msgstr="Contact "), polib.POEntry(msgid="Save _As", msgstr="_Sous")
    wordless = [polib.POEntry(msgid=text, msgstr="x") for text in ("%(a)s: {b}", "1 / 2", "<br/>")]
    assert translations(same, key, *wordless) == []


@pytest.mark.parametrize(
    ("forms", "pairs"),
    [
        (["%d fichier", "%d fichiers"], [("%d file", "%d fichier"), ("%d files", "%d fichiers")]),
        (["%d plik", "%d pliki", "%d plików"], [("%d file", "%d plik"), ("%d files", "%d plików")]),
        (["파일 %d개"], [("%d files", "파일 %d개")]),
        (["", ""], []),
    ],
)
def test_singular_and_plural_of_languages_with_one_two_and_more_forms(translations, forms, pairs):
    entry = polib.POEntry(msgid="%d file", msgid_plural="%d files", msgstr_plural=dict(enumerate(forms)))
    assert translations(entry) == pairs


def read(source: str | None = None, target: str | None = None) -> Splits[Pairs]:
    return load(None, PairReader(source_language=source, target_language=target))


def parts(splits: Splits) -> list[Pairs]:
    return [getattr(splits, split) for split in SPLITS]


def test_french_by_default_and_no_source_in_two_splits():
    splits = read()
    assert splits.languages == ("en", "fr")
    assert [len(part) for part in parts(splits)] == [19_764, 1_111, 1_045]
    for one, other in combinations(parts(splits), 2):
        assert not set(map(normalised, one.sources)) & set(map(normalised, other.sources))
    for part in parts(splits):
        assert len(part.sources) == len(set(part.sources)) == len(part.targets)
        for source, target in zip(part.sources, part.targets):
            assert source == " ".join(source.split()) != target == " ".join(target.split()) != ""
    assert "There is no valid destination page for these pages" in splits.train.sources
    assert "django==6.1.3" in splits.source


def test_other_languages_and_the_other_direction():
    for language, count in (("de", 20_456), ("es", 20_268), ("ko", 8_446)):
        assert sum(map(len, parts(read(target=language)))) == count
    turned = read("fr")
    assert turned.languages == ("fr", "en")
    assert turned == read("fr", "en")
    assert sum(map(len, parts(turned))) > 20_000


def test_languages_that_are_not_there():
    with pytest.raises(InputError, match=r"--source-language fr --target-language de: .* in English"):
        read("fr", "de")
    with pytest.raises(InputError, match=r"--source-language en --target-language en: .*another language"):
        read(target="en")
    with pytest.raises(InputError, match=r"no embedded texts in 'x\+'; .*--data PATH"):
        read(target="x+")
