"""Sentence pairs from files of all kinds, and the messages about wrong ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from common.errors import InputError
from common.sources.parallel import PairReader
from common.sources.records import Pairs
from common.sources.splits import Splits
from tests.common.sources.data import SHARED, needs


def reader(source: str | None = None, target: str | None = None, encoding: str = "utf-8") -> PairReader:
    return PairReader(source_language=source, target_language=target, encoding=encoding)


def read(data: str | Path, source: str | None = None, target: str | None = None) -> Splits[Pairs]:
    return reader(source, target).read(str(data))


def read_test(data: str | Path, source: str | None = None, target: str | None = None) -> Pairs:
    return reader(source, target).parts(str(data)).test()


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        raw = content.encode() if isinstance(content, str) else content
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return folder


def sides(count: int, stem: str = "train") -> dict[str, str]:
    """`count` lines in each of two languages, all different."""
    letters = [f"{chr(97 + n // 26 % 26)}{chr(97 + n % 26)}{'x' * (n // 676)}" for n in range(count)]
    return {
        f"{stem}.en": "".join(f"the {stem} {word}\n" for word in letters),
        f"{stem}.de": "".join(f"das {stem} {word}\n" for word in letters),
    }


def sizes(splits: Splits) -> list[int]:
    return [len(splits.train), len(splits.validation), len(splits.test)]


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "dev"])
@pytest.mark.parametrize("zipped", ["", ".gz"])
def test_a_folder_of_parts_by_name(validation: str, zipped: str, tmp_path: Path) -> None:
    files = sides(5) | sides(2, validation) | sides(3, "test_2016_flickr") | sides(1, "test_2017_flickr")
    folder = write(tmp_path, {name + zipped: text for name, text in files.items()} | {"README": "about"})
    splits = read(str(folder), "en", "de")
    assert sizes(splits) == [5, 2, 4]
    assert (splits.train.sources[1], splits.train.targets[1]) == ("the train ab", "das train ab")
    assert (splits.languages, splits.source) == (("en", "de"), str(folder))
    assert read_test(str(folder), "en", "de") == splits.test


def test_one_of_two_languages_implies_the_other(tmp_path: Path) -> None:
    folder = str(write(tmp_path, sides(3) | sides(2, "val") | sides(2, "test")))
    forwards, backwards = read(folder, "en"), read(folder, target="en")
    assert forwards.languages == backwards.languages[::-1] == ("en", "de")
    assert forwards.train == Pairs(backwards.train.targets, backwards.train.sources)
    with pytest.raises(InputError, match=r"has de, en; say which .* --source-language and --target-language"):
        read(folder)
    write(tmp_path, {"train.pt_BR": "a\nb\nc\n"})
    with pytest.raises(InputError, match=r"has de, en, pt_BR; say which .* with --target-language$"):
        read(folder, "en")


@pytest.mark.parametrize(
    ("languages", "message"),
    [
        (("fr", "en"), r"--source-language fr: .* has de, en; name one of them"),
        (("en", "fr"), r"--target-language fr: .* has de, en; name one of them"),
        (("en", "en"), r"--target-language en: the source language too"),
    ],
)
def test_languages_that_cannot_be_had(languages: tuple[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read(str(write(tmp_path, sides(3))), *languages)


def test_the_beginning_of_a_path_names_all_files_that_begin_so(tmp_path: Path) -> None:
    write(tmp_path, sides(500, "corpus") | sides(7, "a.test") | sides(9, "a.train") | sides(4, "a.dev"))
    assert sizes(read(str(tmp_path / "a"), "en")) == [9, 4, 7]
    assert sum(sizes(read(str(tmp_path / "corpus"), "en"))) == 500
    assert len(read_test(str(tmp_path / "corpus"), "en")) == 500


def test_two_columns(tmp_path: Path) -> None:
    rows = [f"{a}\t{b} " for a, b in zip(*(text.split("\n") for text in sides(400).values())) if a]
    write(tmp_path, {"all.tsv": "\r\n".join(rows) + "\r\n"})
    splits = read(str(tmp_path / "all.tsv"))
    assert (sum(sizes(splits)), splits.languages) == (400, ("source", "target"))
    assert "validation and test cut from train" in splits.source
    everything = read_test(str(tmp_path / "all.tsv"))
    assert (everything.sources[0], everything.targets[0]) == ("the train aa", "das train aa")

    folder = write(tmp_path / "parts", {f"{part}.tsv.gz": "a\tb\nc\td" for part in ("train", "dev", "test")})
    assert read(str(folder), "en", "de").test == Pairs(["a", "c"], ["b", "d"])
    assert read(str(folder), "en", "de").languages == ("en", "de")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r": no sentence pairs; give line-aligned files"),
        ({"train.en": "a\n"}, r": only one language, en; give its translations"),
        (sides(2) | {"test.en": "a\n"}, r"test\.en: no test\.de next to it"),
        (sides(2) | {"test.de": "a\n"}, r"test\.de: no test\.en next to it"),
        (sides(2) | {"train.de.gz": "a\n"}, r"train\.de: train\.de\.gz is the same side; remove one of them"),
        (sides(2) | {"train.de": "a\n"}, r"train\.de:2: ends where train\.en has 2 lines"),
        (sides(2) | {"train.en": "a\n\n\n"}, r"train\.en:2: ends where train\.de has 2 lines"),
        (sides(3) | {"train.en": "a\n \nb\n"}, r"train\.en:2: an empty line"),
        (sides(2) | {"train.de": b"a\n\xff\n"}, r"train\.de:2: byte 0xff is not utf-8; .*--encoding latin-1"),
        (sides(2) | {"train.de": "\n"}, r"train\.de: an empty file"),
        (sides(2) | sides(2, "more"), r"more: not named train, dev or test as others are"),
        (sides(2, "dev") | sides(2, "test"), r": nothing to train on, only validation and test"),
        (sides(2), r": too few different sentences, 2 where case, marks and numbers do not count, to cut validation"),
        ({"train.tsv": "a\tb\nc\n"}, r"train\.tsv:2: 'c' is not a sentence, a tab and its translation"),
        ({"train.tsv": "a b c\n"}, r"train\.tsv:1: .* is not a sentence, a tab and its translation"),
        ({"train.tsv": "a\t \n"}, r"train\.tsv:1: .* is not a sentence, a tab and its translation"),
        ({"train.tsv": "a\tb\n\nc\td\n"}, r"train\.tsv:2: '' is not a sentence, a tab and its translation"),
    ],
)
def test_a_wrong_folder_is_refused(files: dict[str, str | bytes], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(str(write(tmp_path, files)), "en")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, sides(3))
    with pytest.raises(InputError, match="no such file or folder"):
        read(str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"train\.en: a file of unknown type or of one side only; give line-aligned"):
        read(str(tmp_path / "train.en"))
    with pytest.raises(InputError, match="train and no test part"):
        read_test(str(tmp_path), "en")
    with pytest.raises(InputError, match="--encoding klingon"):
        reader("en", encoding="klingon").read(str(tmp_path))


def test_encoding(tmp_path: Path) -> None:
    write(tmp_path, {"test.en": "caf\xe9".encode("latin-1"), "test.de": "Kaffee"})
    assert reader("en", encoding="latin-1").parts(str(tmp_path)).test() == Pairs(["café"], ["Kaffee"])


def test_only_what_is_missing_is_cut(tmp_path: Path) -> None:
    whole = read(str(write(tmp_path / "whole", sides(600))), "en")
    some = read(str(write(tmp_path / "some", sides(600) | sides(4, "test"))), "en")
    assert (some.validation, len(some.test)) == (whole.validation, 4)
    assert len(some.train) == len(whole.train) + len(whole.test)
    assert not set(whole.train.sources) & {*whole.validation.sources, *whole.test.sources}
    assert "(validation cut from train by a hash of the source)" in some.source


@needs("multi30k")
@pytest.mark.parametrize("languages", [("en", "de"), ("de", "en"), ("fr", "de")])
def test_multi30k(languages: tuple[str, str]) -> None:
    splits = read(str(SHARED / "multi30k"), *languages)
    assert sizes(splits) == [29_000, 1_014, 1_000]
    first = {"de": "Ein Mann", "en": "A man in", "fr": "Un homme"}
    assert [splits.test.sources[0][:8], splits.test.targets[0][:8]] == [first[language] for language in languages]


@pytest.mark.parametrize("language", ["jpn", "ja-JP", "zh_Hant", "zh-Hant-TW", "es-419"])
def test_files_are_named_by_any_form_of_a_language_code(language: str, tmp_path: Path) -> None:
    files = {f"{split}.{code}": f"{split}\n" for split in ("train", "dev", "test") for code in ("en", language)}
    assert read(write(tmp_path, files), "en").languages == ("en", language)


def test_a_side_that_does_not_fit_into_memory_when_unpacked_is_refused(tmp_path: Path, monkeypatch) -> None:
    folder = write(tmp_path, {f"{name}.gz": text * 100 for name, text in sides(50).items()})
    monkeypatch.setattr("common.sources.parallel.largest", lambda: 1000)
    with pytest.raises(InputError, match=r"train.\w\w.gz: a text of more than .* does not fit into memory"):
        read(str(folder), "en", "de")


def test_only_line_feeds_end_lines(tmp_path: Path) -> None:
    folder = write(
        tmp_path, {"train.en": "one\rtwo\r\nthree\n", "train.de": "eins\nzwei\n", **sides(3, "dev"), **sides(3, "test")}
    )
    assert read(str(folder), "en", "de").train.sources == ["one\rtwo", "three"]
