"""`predict --stream`: words and rows as they come."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from run import main


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
        ("forecasting", ["--plot", "x.png"], "leave out --plot"),
        ("translation", ["a text"], "--stream: translation has no answer before its input ends"),
    ],
)
def test_what_cannot_stream_is_refused(task: str, words: list[str], message: str, learned, capsys) -> None:
    assert main([task, "predict", "--stream", "--model", str(learned(task)), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_model_that_reads_backwards_is_refused(variant, capsys) -> None:
    version: Path = variant("sentiment")
    assert main(["sentiment", "predict", "--stream", "--model", str(version)]) == 2
    assert "train one with --no-bidirectional" in capsys.readouterr().err
