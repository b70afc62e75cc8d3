"""The benchmark of the layers at tiny sizes: that it runs and what it writes, not how fast anything is."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import memory, speed
from common import cells
from common.layers.recurrent import Recurrent
from common.training import replicas

HAS_TORCH = importlib.util.find_spec("torch") is not None


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # Set back after the test.
    monkeypatch.setattr(speed, "SIZES", ((2, 3, 4, 5),))


@pytest.mark.parametrize(
    "torch", [False, pytest.param(True, marks=pytest.mark.skipif(not HAS_TORCH, reason="no torch"))]
)
def test_rows_have_the_times_of_every_library_that_is_there(
    torch: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    if not torch:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    file = tmp_path / "rows.json"
    speed.main(parts=("layers",), rounds=1, cell=("gru", "peephole_lstm"), json_file=file)
    rows, printed = json.loads(file.read_text()), capsys.readouterr().out
    assert [row["cell"] for row in rows] == ["gru", "peephole_lstm"]
    for row in rows:
        names = ["ours", "keras", "keras_xla", *(["torch"] if torch and row["cell"] == "gru" else [])]
        assert (
            {name for name in speed.CONTENDERS if row[f"{name}_ms"]} == set(names) == set(row["matrix_rate_fraction"])
        )
        assert row["size"] == [2, 3, 4, 5] and 0 < row["compile_s"] < 60
    assert ("PyTorch is not installed: its columns are left out" in printed) == (not torch)
    assert "keras: geometric mean" in printed and str(file) in printed


def kernels_of(cell: str, inputs: int, units: int) -> list[np.ndarray]:
    layer = Recurrent(cell, units)
    layer.build((None, None, inputs))
    return layer.get_weights()[:2]


def test_operations_are_those_of_the_products_of_every_cell() -> None:
    for cell in cells.names():
        kernel, recurrent = kernels_of(cell, inputs=4, units=5)
        macs = kernel.shape[0] * kernel.shape[1] + recurrent.shape[0] * recurrent.shape[1]
        assert speed.products("ours", cell, (2, 3, 4, 5)) == 3 * 2 * 2 * 3 * macs


def test_the_gradients_of_shares_are_those_of_all_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for shares in (1, 2):
        monkeypatch.setattr(replicas, "fitting_shares", lambda lanes: shares)  # noqa: B023 - called at once.
        tf.random.set_seed(0)
        found.append(speed.tensorflow_step("ours", "lstm", (3, 4, 2, 5))())
    assert np.abs(found[0]).max() > 1e-3
    np.testing.assert_allclose(*found, atol=1e-6)


def test_memory_is_measured_for_a_window_and_for_the_whole_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "UNITS", 4)
    monkeypatch.setattr(memory, "TIMED_STEPS", 20)
    for window in (5, 20):
        peak, growth, seconds = memory.train(20, window)
        assert peak > growth > -1 and seconds > 0  # The kernel counts roughly.
