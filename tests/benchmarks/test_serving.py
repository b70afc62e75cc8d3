"""The load test of the server: what it asks, and that it notices wrong answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import serving
from tests.common.serving.http.conftest import write_tiny


def test_texts_have_random_lengths_and_are_the_same_again() -> None:
    texts = serving.texts_of(200, longest=50, seed=0)
    assert texts == serving.texts_of(200, longest=50, seed=0) != serving.texts_of(200, longest=50, seed=1)
    assert 1 <= min(map(len, texts)) < 10 and 40 < max(map(len, texts)) <= 50


def test_another_ones_answer_is_noticed() -> None:
    expected = {"label": np.array([b"a"], object), "share": np.array([0.5], np.float32)}
    assert serving.is_right({"outputs": {"label": ["a"], "share": [0.50000001]}}, expected)
    assert not serving.is_right({"outputs": {"label": ["b"], "share": [0.5]}}, expected)
    assert not serving.is_right({"outputs": {"label": ["a"], "share": [0.6]}}, expected)
    assert not serving.is_right({"outputs": {"label": ["a", ""], "share": [0.5]}}, expected)
    assert serving.is_right({"outputs": [[1, 2]]}, {"only": np.array([[1, 2]], np.int32)})


def test_a_server_under_load_answers_each_client(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tiny(tmp_path / "tiny" / "model" / "1")
    assert serving.main(output=tmp_path, requests=60, clients=8, distinct=20, longest=30) == 0
    *_, header, _, row = capsys.readouterr().out.strip().splitlines()
    cells = dict(zip(*([cell.strip() for cell in line.split("|")] for line in (header, row))))
    assert cells["8 clients"].startswith("tiny_model ") and cells["requests"] == "60"
    assert cells["errors"] == cells["mixed up"] == "0"
