"""Training end to end against PyTorch, on tiny data: that both train the same thing, not how fast."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import end_to_end
from benchmarks.end_to_end import ROWS, Row

HAS_TORCH = importlib.util.find_spec("torch") is not None
NEEDS_TORCH = pytest.mark.skipif(not HAS_TORCH, reason="no torch")
OWN = {
    "translation": {"source_language": "en", "target_language": "fr", "vocabulary": 300},
    "language_model": {"units": 8, "embedding": 4, "batch_size": 4, "window": 8},
    "forecasting": {"horizon": 6, "segment": 4, "seasons": (8, 24), "known": ("heat",)},
}


class InThisProcess:
    """Runs what a worker process would."""

    def __init__(self, torch: bool) -> None:
        self.torch = torch

    def __call__(self, function: Callable, contender: str, *arguments: Any) -> Any:
        return function(contender, *arguments)


def tiny(row: Row, data: Path) -> Row:
    options = dict(row.options) | {"data": str(data), "xla": False} | OWN.get(row.task, {})
    return row._replace(windows=row.windows and 3, options=tuple(options.items()))


@NEEDS_TORCH
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_both_libraries_train_as_many_parameters_and_steps(row: Row, data_of) -> None:
    row = tiny(row, data_of(row.task))
    contenders, rates = end_to_end.measure(InThisProcess(torch=True), 1, row)  # Refuses other numbers of parameters.
    assert contenders["torch"].steps == pytest.approx(contenders["ours"].steps, rel=0.15)
    assert all(rate > 0 for rate in rates.values()) and len(rates) == 2
    network = end_to_end.theirs(row)[0].network
    assert all(weights.grad is not None for weights in network.parameters())
    before = [weights.detach().clone() for weights in network.parameters()]
    end_to_end.seconds_and_steps("torch", row)
    assert all((new != old).any() for new, old in zip(network.parameters(), before, strict=True))


@NEEDS_TORCH
def test_models_of_different_sizes_are_not_compared(data_of, monkeypatch: pytest.MonkeyPatch) -> None:
    row = tiny(ROWS[0], data_of("sentiment"))
    found = end_to_end.our_contender("ours", row)
    monkeypatch.setattr(end_to_end, "our_contender", lambda *_: found._replace(parameters=found.parameters + 1))
    with pytest.raises(ValueError, match="parameters, PyTorch's"):
        end_to_end.measure(InThisProcess(torch=True), 1, row)


def test_the_table_has_the_rows_of_the_named_tasks(data_of, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    rows = tuple(tiny(row, data_of(row.task)) for row in ROWS)
    monkeypatch.setattr(end_to_end, "ROWS", rows)
    end_to_end.print_table(InThisProcess(torch=False), 1, ["forecasting"])
    head, line, row = capsys.readouterr().out.strip().splitlines()
    assert head.count("|") == line.count("|") == row.count("|") and row.startswith("| forecasting") and "| - |" in row
    ours = end_to_end.ours(rows[-1])
    assert ours.model.position.numpy().tolist() == [2, 0]  # One epoch to warm up, one that is timed.
    assert ours.steps_of_a_window * ours.windows == ours.stream.passes * ours.stream.sequences.steps


def test_a_number_of_windows_is_the_same_each_time(data_of) -> None:
    found = end_to_end.ours(tiny(ROWS[0], data_of("sentiment"))._replace(windows=2))
    for times in (1, 2):
        found.train()
        assert found.windows == 2 and found.model.optimizer.iterations.numpy() == 2 * times
        assert found.model.position.numpy().tolist() == [0, 0]
