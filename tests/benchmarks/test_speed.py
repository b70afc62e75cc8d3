"""The benchmark of speed at tiny sizes: that it runs and what it writes, not how fast anything is."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import tasks
from benchmarks import end_to_end, speed
from common import cells
from common.layers.recurrent import Recurrent

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


@pytest.mark.skipif(not HAS_TORCH, reason="no torch")
@pytest.mark.parametrize("name", end_to_end.NAMES)
def test_pytorch_trains_an_epoch(name: str) -> None:
    draw = np.random.default_rng(0)
    lengths, sizes = draw.integers(1, 6, 20), draw.integers(1, 5, 9)
    labels = draw.integers(0, 2, 20 if name == "sentiment" else lengths.sum())
    tokens = draw.integers(1, 9, (lengths.sum(), 2))
    texts = end_to_end.Texts(lengths, tokens, labels, (9, 9), (sizes, draw.integers(1, 7, sizes.sum())))
    options = {"embedding": 4, "units": 4, "characters": 3, "word_dropout": 0.1, "dropout": 0.1}
    options |= {"learning_rate": 0.01, "clip_norm": 1.0, "batch_size": 2, "window": 8}
    _, loss = end_to_end.LOSSES[name](texts, options)
    batches = list(texts.batches(5))
    assert sorted(n for chosen, _, _ in batches for n in chosen) == list(range(20))
    assert sorted(n for _, _, at in batches for n in at[at >= 0]) == list(range(lengths.sum()))
    assert all(loss(*batch).item() > 0 for batch in batches)
    train = end_to_end.torch_epoch(name)
    before = [weights.detach().clone() for weights in train(texts, options).parameters()]
    after = train(texts, options).parameters()
    assert all((new != old).any() for new, old in zip(after, before, strict=True))


@pytest.mark.skipif(not HAS_TORCH, reason="no torch")
@pytest.mark.parametrize("name", end_to_end.NAMES)
def test_pytorch_trains_the_architecture_of_the_task(name: str, data_of) -> None:
    kind = tasks.get(name)
    task = kind(kind.Options(data=str(data_of(name))))
    task.load()
    ours = task.network()
    ours.build()
    theirs, _ = end_to_end.LOSSES[name](end_to_end.encoded(task), task.options.as_json())
    twice = sum(weights.numel() for part, weights in theirs.named_parameters() if "bias_hh" in part)  # Keras has one.
    assert sum(weights.numel() for weights in theirs.parameters()) - twice == ours.count_params()
