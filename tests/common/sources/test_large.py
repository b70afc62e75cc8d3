"""Texts that are read a part at a time have the splits of those that are read as a whole."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import InputError
from common.sources import large
from common.sources.large import LargeTexts, read
from common.sources.plain import PlainTexts, TextReader


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.sources.files.PART", 50)


def lines(many: int, seed: int = 0) -> str:
    draw = random.Random(seed)
    words = ["cafe\u0301", "naïve", "dog", "日本", "e", "\u0301x", "  ", "tree"]
    return "".join(
        " ".join(draw.choices(words, k=3)) + draw.choice(["\n", "\r\n", "\n\n", "\n \n"]) for _ in range(many)
    )


def held(found: PlainTexts | LargeTexts) -> PlainTexts:
    """The same texts, in memory."""
    if isinstance(found, PlainTexts):
        return found
    texts, some = [], []
    for block in found.blocks():
        some.append(block.text)
        if block.ends:
            texts.append("".join(some))
            some = []
    assert len(found) == len(texts) and found.characters == sum(map(len, texts))
    return PlainTexts(texts, found.are_cut)


def assert_same(data: Path, reader: TextReader) -> None:
    whole, found = reader.read(str(data)), read(str(data), reader, on_disk=True)
    assert isinstance(found.train, LargeTexts)
    assert replace(found, train=held(found.train)) == whole


@pytest.mark.parametrize("documents", ["file", "line", "blank-line"])
@pytest.mark.parametrize("many", [40, 900])
def test_a_file_is_split_as_in_memory(documents: str, many: int, tmp_path: Path) -> None:
    data = tmp_path / "texts.txt.gz"
    data.write_bytes(gzip.compress(("\ufeff \n" + lines(many)).encode()))
    if documents == "file" or many > 40:
        assert_same(data, TextReader(documents=documents))


@pytest.mark.parametrize("drop_seen", [False, True])
@pytest.mark.parametrize("names", [("train.txt", "dev.txt", "test.txt"), ("train.txt", "dev.txt")])
def test_a_folder_is_split_as_in_memory(names: tuple[str, ...], drop_seen: bool, tmp_path: Path) -> None:
    for number, name in enumerate(names):
        (tmp_path / name).write_text(lines(900 if number == 0 else 60, number))
    assert_same(tmp_path, TextReader(documents="line", drop_seen=drop_seen))


@pytest.mark.parametrize("drop_seen", [False, True])
def test_files_that_are_texts_are_split_as_in_memory_and_never_whole(drop_seen: bool, tmp_path: Path) -> None:
    """Two of the training files are the same but for blanks at their ends, and one of them is a test text, too."""
    (tmp_path / "test.txt").write_text(lines(60, 1))
    (tmp_path / "dev.txt").write_text(lines(60, 2))
    for number, text in enumerate((lines(300, 3), " \n" * 40 + lines(60, 1).strip(), lines(60, 1).strip() + "\n" * 90)):
        (tmp_path / f"train-{number}.txt").write_text(text)
    reader = TextReader(documents="file", drop_seen=drop_seen)
    assert_same(tmp_path, reader)
    found = read(str(tmp_path), reader, on_disk=True).train
    assert len(found) == (1 if drop_seen else 3)
    assert max(len(block.text) for block in found.blocks()) < 150 < found.characters


def test_what_is_cut_from_many_texts_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("plain", "records"):
        monkeypatch.setattr(f"common.sources.{module}.MOST_CUT", 100)
    data = tmp_path / "texts.txt"
    data.write_text("".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)} text\n" for n in range(600)))
    for documents in ("line", "file"):
        assert_same(data, TextReader(documents=documents))
        found = read(str(data), TextReader(documents=documents), on_disk=True)
        assert 20 < found.validation.characters < 500 < found.train.characters


def test_large_files_are_read_a_part_at_a_time_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "texts.txt"
    data.write_text(lines(100))
    assert isinstance(read(str(data), TextReader(), on_disk=None).train, PlainTexts)
    with monkeypatch.context() as small:
        small.setattr(large, "largest", lambda: 100)
        assert isinstance(read(str(data), TextReader(), on_disk=None).train, LargeTexts)
    packed = tmp_path / "packed.txt.gz"
    packed.write_bytes(gzip.compress(data.read_bytes()))
    monkeypatch.setattr(large, "LARGE", packed.stat().st_size + 1)
    assert isinstance(read(str(packed), TextReader(), on_disk=None).train, LargeTexts)
    monkeypatch.setattr(large, "LARGE", 100)
    assert isinstance(read(str(data), TextReader(), on_disk=None).train, LargeTexts)
    assert isinstance(read(str(data), TextReader(), on_disk=False).train, PlainTexts)


def test_what_cannot_be_read_a_part_at_a_time_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, texts = tmp_path / "texts.csv", tmp_path / "texts.txt"
    table.write_text("text\nab\n")
    with pytest.raises(InputError, match=r"--on-disk: .*tables are read as a whole"):
        read(str(table), TextReader(), on_disk=True)
    for content, wrong in (
        (b"a\0b" * 100, "a NUL character"),
        (b"ab\n" * 50 + b"\xff", "texts.txt:51: byte 0xff"),
        (b"ab", "too short"),
    ):
        texts.write_bytes(content)
        with pytest.raises(InputError, match=wrong):
            read(str(texts), TextReader(), on_disk=True)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "train.txt").write_text(lines(100))
    (tmp_path / "parts" / "dev.txt").write_text(lines(100))
    monkeypatch.setattr(large, "MOST_HELD", 100)
    with pytest.raises(InputError, match=r"dev.txt: .* held in memory"):
        read(str(tmp_path / "parts"), TextReader(), on_disk=True)


@pytest.mark.parametrize("documents", ["line", "blank-line", "file"])
@pytest.mark.parametrize("content", ["", "\n \n"])
@pytest.mark.parametrize("name", ["train.txt", "dev.txt"])
def test_a_file_without_text_is_refused_as_in_memory(name: str, content: str, documents: str, tmp_path: Path) -> None:
    for path in ("train.txt", "dev.txt", "test.txt"):
        (tmp_path / path).write_text(content if path == name else lines(20))
    for on_disk in (True, False):
        with pytest.raises(InputError, match=rf"{name}: an empty file; fill or remove it"):
            read(str(tmp_path), TextReader(documents=documents), on_disk=on_disk)
