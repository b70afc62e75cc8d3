"""`predict --stream`: words as they come."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from common.cli.streaming import texts
from run import main


class Drops(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def read1(self, size: int | None = -1) -> bytes:
        return self.read(3)


@pytest.mark.parametrize("source", [io.BytesIO, Drops])
def test_lines_are_texts_and_their_chunks_are_whole_words(source: type[io.BytesIO]) -> None:
    content = "a warm film\n\n  über  all\r\nlast word"
    found = [list(chunks) for chunks in texts(source(content.encode()))]
    assert ["".join(chunks).split() for chunks in found] == [
        ["a", "warm", "film"],
        [],
        ["über", "all"],
        ["last", "word"],
    ]
    assert all(chunk.strip() for chunks in found for chunk in chunks)
    assert source is io.BytesIO or found[0] == ["a", " warm", " film"]


def test_words_are_answered_before_the_line_ends() -> None:
    class Waiting(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            found = self.read(7)
            return found or pytest.fail("nothing more is there yet")

    chunks = next(texts(Waiting(b"a warm film")))
    assert next(chunks) == "a warm"


def test_a_text_is_classified_word_by_word(learned, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    model = ["--model", str(learned("sentiment"))]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a great film\ndull\n")))
    capsys.readouterr()
    assert main(["sentiment", "predict", "--stream", *model]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows if row] == ["a", "great", "film", "dull"]
    assert [row[1] for row in rows if row][2:] == ["pos", "neg"] and rows[3] == []


@pytest.mark.parametrize(
    ("task", "words", "message"),
    [
        ("sentiment", ["a film"], "--stream: reads standard input"),
        ("sentiment", ["--output-file", "x.csv"], "leave out --output-file"),
        ("translation", ["a text"], "--stream: translation has no answer before its input ends"),
    ],
)
def test_what_cannot_stream_is_refused(task: str, words: list[str], message: str, learned, capsys) -> None:
    assert main([task, "predict", "--stream", "--model", str(learned(task)), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_model_that_reads_backwards_is_refused(variant, capsys) -> None:
    version: Path = variant("sentiment", 0)
    assert main(["sentiment", "predict", "--stream", "--model", str(version)]) == 2
    assert "train one with --no-bidirectional" in capsys.readouterr().err
