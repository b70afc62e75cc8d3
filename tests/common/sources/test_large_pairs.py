"""Sentence pairs on disk are split as they are in memory."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InputError
from common.sources.large_pairs import LargePairs, _distinct, read
from common.sources.parallel import PairReader
from common.sources.records import Pair, Pairs

READER = PairReader(source_language="en", target_language="de")


def write(folder: Path, stem: str, pairs: list[tuple[str, str]], suffix: str = "") -> None:
    for side, language in enumerate(("en", "de")):
        text = "".join(f"{pair[side]} \n" for pair in pairs) + "\n \n"
        raw = text.encode()
        (folder / f"{stem}.{language}{suffix}").write_bytes(gzip.compress(raw) if suffix else raw)


def pairs_of(many: int, start: int = 0) -> list[tuple[str, str]]:
    """Pairs, some of which have a source that others have, and some a translation that is written otherwise."""
    found = []
    for n in range(start, start + many):
        source = f"caf\u00e9 {chr(97 + n % 26)}{chr(97 + n // 26 % 26)} {'x' * (n % 7)}"
        found.append((source, f"{source.upper()} {n % 3}"))
        if n % 5 == 0:
            found += [(source.replace("\u00e9", "e\u0301"), f"{source} again")] * (n % 3)
    return found


def assert_same(data: Path | str, **options: object) -> None:
    reader = replace(READER, **options)
    whole, found = reader.read(str(data)), read(str(data), reader, on_disk=True)
    assert isinstance(found.train, LargePairs)
    held = Pairs.of(found.train.read())
    assert len(held) == len(found.train)
    assert replace(found, train=held) == whole


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_what_is_missing_is_cut_as_in_memory(suffix: str, tmp_path: Path) -> None:
    write(tmp_path, "corpus", pairs_of(600), suffix)
    assert_same(tmp_path / "corpus")


@pytest.mark.parametrize("drop_seen", [False, True])
@pytest.mark.parametrize("given", [("dev", "test"), ("dev",), ("test",)])
def test_parts_are_used_as_in_memory(given: tuple[str, ...], drop_seen: bool, tmp_path: Path) -> None:
    write(tmp_path, "train", pairs_of(600))
    for number, name in enumerate(given, 1):
        write(tmp_path, name, pairs_of(40, 580 * number))
    assert_same(tmp_path, drop_seen=drop_seen)


def test_what_is_cut_from_many_pairs_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "corpus", pairs_of(600))
    whole = READER.read(str(tmp_path))
    monkeypatch.setattr("common.sources.records.MOST_CUT", 150)
    assert_same(tmp_path)
    assert len(READER.read(str(tmp_path)).test) < len(whole.test) / 2


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=30))
def test_each_source_has_its_most_frequent_translation(pairs: list[tuple[str, str]]) -> None:
    sources, targets = (np.array([ord(pair[side]) for pair in pairs], np.uint64) for side in (0, 1))
    first, best = _distinct(sources, targets, np.arange(len(pairs)))
    found = [Pair(pairs[one][0], pairs[other][1]) for one, other in zip(first, best)]
    assert found == Pairs.distinct([Pair(*pair) for pair in pairs])


def test_large_files_are_on_disk_unless_they_are_to_be_in_memory(tmp_path: Path, monkeypatch) -> None:
    write(tmp_path, "corpus", pairs_of(600))
    assert isinstance(read(str(tmp_path), READER, on_disk=None).train, Pairs)
    monkeypatch.setattr("common.sources.large.LARGE", 10)
    assert isinstance(read(str(tmp_path), READER, on_disk=None).train, LargePairs)
    assert isinstance(read(str(tmp_path), READER, on_disk=False).train, Pairs)


def test_what_cannot_be_on_disk_is_refused(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "pairs.tsv").write_text("a\tb\n")
    with pytest.raises(InputError, match=r"--on-disk: .*: tables are read as a whole; give line-aligned files"):
        read(str(tmp_path / "pairs.tsv"), READER, on_disk=True)
    folder = tmp_path / "sides"
    folder.mkdir()
    write(folder, "train", pairs_of(3))
    write(folder, "dev", pairs_of(3))
    with pytest.raises(InputError, match=r"too few different sentences, 3 where .*, to cut test from train"):
        read(str(folder), READER, on_disk=True)
    with monkeypatch.context() as patch, pytest.raises(InputError, match=r"dev\.\w\w: 0 MB to validate or to test on"):
        patch.setattr("common.sources.large_pairs.MOST_HELD", 10)
        read(str(folder), READER, on_disk=True)
    (folder / "train.en").write_text("one line\n")
    with pytest.raises(InputError, match=r"train.en:2: ends where train.de has \d lines"):
        read(str(folder), READER, on_disk=True)
