"""The latency of streams: what is stepped, and what is counted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks import streaming


def test_steps_carry_the_state_and_those_that_count_are_counted() -> None:
    read = []

    def step(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        read.append((inputs["text"][0], inputs["state"].shape[1]))
        tokens = np.array([[b"a", b"b"], [b"c", b""]], object)
        return {"tokens": tokens, "state": np.zeros((2, len(read)), np.float32)}

    given = [{"text": np.array([word, b"x"], object)} for word in (b"one", b"two")]
    seconds, answered = streaming.measured(step, given, steps=20)
    assert read == [((b"one", b"two")[n % 2], n) for n in range(20)]
    assert len(seconds) == 18 and answered == 3 * 18


def test_every_model_that_streams_has_a_row_for_each_way(learned, capsys) -> None:
    assert streaming.main(output=learned("sentiment").parents[2], steps=10, streams=3) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if "_lstm" in line]
    assert [row[:2] for row in rows] == [["| sentiment_lstm", way] for way in ("called", "served")]
    assert all(float(row[2]) > 0 for row in rows)


def test_a_folder_without_streams_fails(tmp_path, capsys) -> None:
    assert streaming.main(output=tmp_path) == 1
