"""The run of a training: its streams, its refusals, and the figures it reports."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from common.errors import InputError
from common.options import TrainOptions
from common.sources.splits import SPLITS
from common.streams.sequences import Sequences
from common.training import run
from common.training.preparing import step_size, streams_of
from common.training.run import Fitted, peak_memory_mb, training_figures


def sequences_of(*lengths: int) -> Sequences:
    steps = np.arange(sum(lengths))
    return Sequences(np.array(lengths), {"tokens": steps}, targets=steps, weights=np.ones(len(steps), np.float32))


def splits_of(*train: int) -> dict[str, Sequences]:
    return {"train": sequences_of(*train), "validation": sequences_of(9, 4), "test": sequences_of(7)}


def test_training_is_shuffled_and_the_other_splits_are_in_order() -> None:
    options = TrainOptions(batch_size=2, window=4, reach=6, seed=5)
    streams = streams_of(splits_of(5, 6, 7), options)
    assert list(streams) == ["train", "validation", "test"]
    train = streams["train"]
    assert (train.shuffle, train.lanes, train.window, train.reach, train.seed) == (True, 2, 4, 6, 5)
    assert [streams[name].shuffle for name in ("validation", "test")] == [False, False]
    assert len(train.sequences) == 3


@pytest.mark.parametrize("lengths", [(3, 4), (100, 90)])
def test_fewer_sequences_than_lanes_are_refused_however_long_they_are(lengths: tuple[int, int]) -> None:
    """Where they may be cut, their task does so."""
    with pytest.raises(InputError, match=r"--batch-size 8: training has only 2 sequences; give 2 or less"):
        streams_of(splits_of(*lengths), TrainOptions(batch_size=8, window=4))


def test_figures_are_of_the_whole_training_and_leave_out_what_was_compiled() -> None:
    def row(epoch: int, **figures: float) -> dict[str, float]:
        norms = {"gradient_norm": float(epoch), "clipped_steps": 2.0}
        return {"epoch": epoch, "windows": 5, "first_windows": 1} | norms | figures

    history = [
        row(1, seconds=9.0, first_seconds=7.0),
        row(2, seconds=2.0, first_seconds=1.0),
        row(3, seconds=4.0) | {"first_seconds": 3.0, "windows": 10},
    ]
    stream = SimpleNamespace(
        passes=1, sequences=SimpleNamespace(steps=90), windows=lambda: 5, efficiency=lambda: 0.98765
    )
    fitted = Fitted(
        "data",
        SimpleNamespace(window=4, reach=6),
        None,
        {"train": stream},
        SimpleNamespace(history=history, best_epoch=1, saving=0.25),
        None,
    )
    found = training_figures(fitted)
    assert (found["epochs"], found["best_epoch"], found["steps"], found["clipped_steps"]) == (3, 2, 20, 6)
    assert (found["seconds"], found["seconds_to_best"], found["checkpoint_seconds"]) == (15.0, 11.0, 0.25)
    # 4 + 4 + 9 steps in 2 + 1 + 1 seconds, 18 tokens each.
    assert found["tokens_per_second"] == round(18 * 17 / 4, 1)
    assert found["gradient_norm"] == (5 * 1 + 5 * 2 + 10 * 3) / 20
    assert found["packing_efficiency"] == 0.9877 and found["packing_efficiency_by_split"] == {"train": 0.9877}
    assert (found["window"], found["reach"]) == (4, 6)


def test_peak_memory_is_the_most_that_was_held_and_stays_when_it_is_given_back() -> None:
    before, status = peak_memory_mb(), Path("/proc/self/status")
    held = 0.0
    if status.is_file():
        held = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS")) / 1e3
    block = np.ones(int((before - held + 50) * 1e6 / 8))  # More than ever before.
    during = peak_memory_mb()
    assert during > before and during >= block.nbytes / 1e6
    del block
    assert peak_memory_mb() > during - 5  # The kernel counts roughly.


def test_what_answers_is_what_is_saved() -> None:
    export, row = object(), {"epoch": 1, "windows": 5, "first_windows": 1, "seconds": 9.0, "first_seconds": 7.0}
    row |= {"gradient_norm": 1.0, "clipped_steps": 2.0, "val_loss": 0.5}
    task = SimpleNamespace(
        name="task",
        tested="validation",
        units={"accuracy": "%"},
        options=TrainOptions(),
        calibrate=lambda model, stream: {"val_joined_loss": 0.25},
        export=lambda network: export,
        answers=lambda network, stream, outputs, export: (stream, outputs, export),
        scores=lambda answers: {"accuracy": float(len(answers))},
        parts=lambda answers: {},
    )
    model = SimpleNamespace(network=None, trainable_weights=[], window=4, reach=6, predict=lambda *of, **more: of)
    stream = SimpleNamespace(passes=1, sequences=SimpleNamespace(steps=90), windows=lambda: 5, efficiency=lambda: 1.0)
    streams = dict.fromkeys(SPLITS, stream)
    history = SimpleNamespace(history=[row], best_epoch=0, saving=0.0)
    fitted = Fitted("data", model, None, streams, history, None)
    metrics, found = run.ready(task, fitted)
    answers, scores = run.tested(task, fitted, found)
    assert answers == (stream, (stream,), export) and found is export
    assert scores == {"metrics": {"accuracy": 3.0}}
    assert metrics["validation"] == {"val_loss": 0.5, "val_joined_loss": 0.25} and metrics["tested"] == "validation"
    assert metrics["measured_in"] == {"accuracy": "%"}


def test_the_step_size_falls_as_the_schedule_says() -> None:
    stream = SimpleNamespace(windows=lambda: 10)
    inverse = step_size(stream, TrainOptions(learning_rate=0.5, decay=0.25))
    assert [float(inverse(step)) for step in (0, 10, 40)] == pytest.approx([0.5, 0.4, 0.25])
    linear = step_size(stream, TrainOptions(learning_rate=0.5, schedule="linear", epochs=4))
    assert [float(linear(step)) for step in (0, 10, 40, 50)] == pytest.approx([0.5, 0.375, 0, 0])
