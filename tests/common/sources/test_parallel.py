"""Sentence pairs from files of all kinds, how they are split, and what is said of wrong ones."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InputError
from common.sources.parallel import (
    Pair,
    Pairs,
    Splits,
    complete,
    load,
    load_test,
    normalised,
    one_translation_each,
    side_of,
)

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"


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
    splits = load(str(folder), "en", "de")
    assert sizes(splits) == [5, 2, 4]
    assert (splits.train.sources[1], splits.train.targets[1]) == ("the train ab", "das train ab")
    assert (splits.languages, splits.source) == (("en", "de"), str(folder))
    assert load_test(str(folder), "en", "de") == splits.test


def test_of_two_languages_one_says_the_other_but_one_must_be_said(tmp_path: Path) -> None:
    folder = str(write(tmp_path, sides(3) | sides(2, "val") | sides(2, "test")))
    forwards, backwards = load(folder, "en"), load(folder, target_language="en")
    assert forwards.languages == backwards.languages[::-1] == ("en", "de")
    assert forwards.train == Pairs(backwards.train.targets, backwards.train.sources)
    with pytest.raises(InputError, match=r"has de, en; say which .* --source-language and --target-language"):
        load(folder)
    write(tmp_path, {"train.pt_BR": "a\nb\nc\n"})
    with pytest.raises(InputError, match=r"has de, en, pt_BR; say which .* with --target-language$"):
        load(folder, "en")


@pytest.mark.parametrize(
    ("languages", "said"),
    [
        (("fr", "en"), r"--source-language fr: .* has de, en; name one of them"),
        (("en", "fr"), r"--target-language fr: .* has de, en; name one of them"),
        (("en", "en"), r"--target-language en: the source language too"),
    ],
)
def test_languages_that_cannot_be_had(languages: tuple[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        load(str(write(tmp_path, sides(3))), *languages)


def test_the_beginning_of_a_path_names_the_files_that_begin_alike(tmp_path: Path) -> None:
    write(tmp_path, sides(500, "corpus") | sides(7, "a.test") | sides(9, "a.train") | sides(4, "a.dev"))
    assert sizes(load(str(tmp_path / "a"), "en")) == [9, 4, 7]
    assert sum(sizes(load(str(tmp_path / "corpus"), "en"))) == 500
    assert len(load_test(str(tmp_path / "corpus"), "en")) == 500


def test_two_columns(tmp_path: Path) -> None:
    rows = [f"{a}\t{b} " for a, b in zip(*(text.split("\n") for text in sides(400).values())) if a]
    write(tmp_path, {"all.tsv": "\r\n".join(rows) + "\r\n"})
    splits = load(str(tmp_path / "all.tsv"))
    assert (sum(sizes(splits)), splits.languages) == (400, ("source", "target"))
    assert "validation and test cut from train" in splits.source
    everything = load_test(str(tmp_path / "all.tsv"))
    assert (everything.sources[0], everything.targets[0]) == ("the train aa", "das train aa")

    folder = write(tmp_path / "parts", {f"{part}.tsv.gz": "a\tb\nc\td" for part in ("train", "dev", "test")})
    assert load(str(folder), "en", "de").test == Pairs(["a", "c"], ["b", "d"])
    assert load(str(folder), "en", "de").languages == ("en", "de")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, r": no sentence pairs; give line-aligned files"),
        ({"train.en": "a\n"}, r": only one language, en; give its translations"),
        (sides(2) | {"test.en": "a\n"}, r"test\.en: no test\.de beside it"),
        (sides(2) | {"test.de": "a\n"}, r"test\.de: no test\.en beside it"),
        (sides(2) | {"train.de": "a\n"}, r"train\.de:2: ends where train\.en has 2 lines"),
        (sides(2) | {"train.en": "a\n\n\n"}, r"train\.en:2: ends where train\.de has 2 lines"),
        (sides(3) | {"train.en": "a\n \nb\n"}, r"train\.en:2: an empty line"),
        (sides(2) | {"train.de": b"a\n\xff\n"}, r"train\.de:2: byte 0xff is not utf-8; .*--encoding latin-1"),
        (sides(2) | {"train.de": "\n"}, r"train\.de: an empty file"),
        (sides(2) | sides(2, "more"), r"more: not named train, dev or test as others are"),
        (sides(2, "dev") | sides(2, "test"), r": nothing to train on, only validation and test"),
        (sides(2), r": 2 different sentences are too few to cut validation and test from"),
        ({"train.tsv": "a\tb\nc\n"}, r"train\.tsv:2: 'c' is not a sentence, a tab and its translation"),
        ({"train.tsv": "a\tb\tc\n"}, r"train\.tsv:1: .* is not a sentence, a tab and its translation"),
        ({"train.tsv": "a\t \n"}, r"train\.tsv:1: .* is not a sentence, a tab and its translation"),
        ({"train.tsv": "a\tb\n\nc\td\n"}, r"train\.tsv:2: '' is not a sentence, a tab and its translation"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(files: dict[str, str | bytes], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as caught:
        load(str(write(tmp_path, files)), "en")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, sides(3))
    with pytest.raises(InputError, match="no such file or folder"):
        load(str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"train\.en: a file of unknown type or of one side only; give line-aligned"):
        load(str(tmp_path / "train.en"))
    with pytest.raises(InputError, match="train and no test part"):
        load_test(str(tmp_path), "en")
    with pytest.raises(InputError, match="--encoding klingon"):
        load(str(tmp_path), "en", encoding="klingon")


def test_encoding(tmp_path: Path) -> None:
    write(tmp_path, {"test.en": "caf\xe9".encode("latin-1"), "test.de": "Kaffee"})
    assert load_test(str(tmp_path), "en", encoding="latin-1") == Pairs(["café"], ["Kaffee"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Delete %(count)d files?", "delete files"),
        ("Page 7 of 12", "page 1 of 3."),
        ("Hello, {name}!", "hello <b>{user.name}</b>"),
        ("100 % sure", "100% SURE"),
        ("Salt &amp; Pepper", "salt, pepper"),
        ("STRASSE", "Straße"),
    ],
)
def test_near_duplicates_go_together(one: str, other: str) -> None:
    assert normalised(one) == normalised(other) != ""
    assert side_of(one) == side_of(other)


def test_of_a_hundred_about_ninety_five_and_five() -> None:
    words = (chr(97 + n // 676) + chr(97 + n // 26 % 26) + chr(97 + n % 26) for n in range(17_576))
    counts = Counter(map(side_of, words))
    assert [counts[side] / 17_576 for side in ("train", "validation", "test")] == pytest.approx(
        [0.9, 0.05, 0.05], abs=0.005
    )


def test_only_what_is_missing_is_cut(tmp_path: Path) -> None:
    whole = load(str(write(tmp_path / "whole", sides(600))), "en")
    some = load(str(write(tmp_path / "some", sides(600) | sides(4, "test"))), "en")
    assert (some.validation, len(some.test)) == (whole.validation, 4)
    assert len(some.train) == len(whole.train) + len(whole.test)
    assert not set(whole.train.sources) & {*whole.validation.sources, *whole.test.sources}
    assert "(validation cut from train by a hash of the source)" in some.source


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), max_size=30))
@settings(max_examples=50, deadline=None)
def test_the_most_frequent_translation_then_the_first(rows: list[tuple[str, str]]) -> None:
    pairs = [Pair(*row) for row in rows]
    kept = one_translation_each(pairs)
    assert [pair.source for pair in kept] == list(dict.fromkeys(pair.source for pair in pairs))
    for source, target in kept:
        counts = Counter(pair.target for pair in pairs if pair.source == source)
        assert counts.most_common(1)[0][0] == target


def test_parts_that_are_given_stay_as_they_are() -> None:
    part = [Pair("a", "b"), Pair("a", "c")]
    splits = complete({"train": part, "validation": part, "test": part}, "made", ("en", "de"))
    assert splits.train == splits.test == Pairs(["a", "a"], ["b", "c"])


@pytest.mark.skipif(not (SHARED / "multi30k").exists(), reason=f"no benchmark data: {SHARED / 'multi30k'}")
@pytest.mark.parametrize("languages", [("en", "de"), ("de", "en"), ("fr", "de")])
def test_multi30k(languages: tuple[str, str]) -> None:
    splits = load(str(SHARED / "multi30k"), *languages)
    assert sizes(splits) == [29_000, 1_014, 1_000]
    first = {"de": "Ein Mann", "en": "A man in", "fr": "Un homme"}
    assert [splits.test.sources[0][:8], splits.test.targets[0][:8]] == [first[language] for language in languages]
