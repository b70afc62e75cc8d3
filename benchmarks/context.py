"""What carrying state is worth to a forecaster, against reading a fixed window.

Usage: python benchmarks/context.py [--seeds 3] [--days 1 7 28] [options of run.py forecasting]

Trains with carried state and scores every test origin once with the state carried and once read from zero over the
last segments alone; then trains models that never see more than those. Prints a Markdown table for docs/results.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Annotated

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cyclopts
import numpy as np

from common.options import Count
from common.streams.sequences import Sequences
from common.streams.stream import Stream
from common.training.run import fit, tested
from common.training.tbptt import TBPTT
from tasks.forecasting import Forecasting, ForecastingOptions


def every_origin_by_itself(sequences: Sequences, steps: int) -> Sequences:
    """Each step that counts, at the end of a sequence of its own of so many steps at most."""
    starts = np.repeat(sequences.offsets, sequences.lengths)
    ends = np.flatnonzero(sequences.weights > 0)
    firsts = np.maximum(starts[ends], ends - steps + 1)
    lengths = ends - firsts + 1
    weights = np.zeros(lengths.sum(), np.float32)
    weights[np.cumsum(lengths) - 1] = 1
    return _taken(sequences, firsts, lengths, weights)


def in_pieces(sequences: Sequences, steps: int) -> Sequences:
    """Every sequence in pieces of so many steps, each of which starts from nothing."""
    firsts = [np.arange(o, o + n, steps) for o, n in zip(sequences.offsets, sequences.lengths)]
    ends = [np.minimum(f + steps, o + n) for f, o, n in zip(firsts, sequences.offsets, sequences.lengths)]
    firsts, ends = np.concatenate(firsts), np.concatenate(ends)
    return _taken(sequences, firsts, ends - firsts, sequences.weights)


def _taken(sequences: Sequences, firsts: np.ndarray, lengths: np.ndarray, weights: np.ndarray) -> Sequences:
    at = np.repeat(firsts - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    inputs = {name: values[at] for name, values in sequences.inputs.items()}
    return Sequences(lengths, inputs, sequences.targets[at], weights, sequences.expand)


class FixedWindow(Forecasting):
    """A forecaster that starts from nothing every so many segments, and is tested so."""

    steps: int

    def sequences(self, split: str) -> Sequences:
        whole = super().sequences(split)
        return in_pieces(whole, self.steps) if split == "train" else every_origin_by_itself(whole, self.steps)


def asked_by_window(model: TBPTT, task: Forecasting, steps: int) -> dict[str, float]:
    """Scores of a model at every test origin, read from zero over the last steps."""
    options = task.options
    stream = Stream.in_order(every_origin_by_itself(task.sequences("test"), steps), options.batch_size, steps)
    said = TBPTT(model.network, options.batch_size, stream.window)
    said.compile()
    return task.scores(task.answers(model.network, stream, said.predict(stream, verbose=0)))


def main(
    options: ForecastingOptions = ForecastingOptions(),  # noqa: B008 - immutable.
    *,
    seeds: Count = 3,
    days: Annotated[tuple[Count, ...], cyclopts.Parameter(consume_multiple=True)] = (1, 7, 28),
) -> None:
    rows: dict[tuple[str, str], list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            given = replace(options, seed=seed)
            task = Forecasting(given)
            fitted = fit(task, Path(folder))
            rows.setdefault(("carried", "carried"), []).append(tested(task, fitted)[1]["metrics"])
            for steps in days:
                rows.setdefault(("carried", f"the last {steps}"), []).append(asked_by_window(fitted.model, task, steps))
            fitted.run.close()
            for steps in days:
                fixed = FixedWindow(replace(given, window=min(given.window, steps)))
                fixed.steps = steps
                fitted = fit(fixed, Path(folder))
                scores = tested(fixed, fitted)[1]["metrics"]
                rows.setdefault((f"pieces of {steps}", f"the last {steps}"), []).append(scores)
                fitted.run.close()
    shown = ("mae", "mape", "mase", "pinball", "coverage_80")
    print(f"\n| trained on | asked with | {' | '.join(shown)} |\n{'|---' * (len(shown) + 2)}|")
    for (how, asked), scores in rows.items():
        print(f"| {how} | {asked} | {' | '.join(f'{mean(s[name] for s in scores):.4f}' for name in shown)} |")


if __name__ == "__main__":
    app = cyclopts.App(default_command=main)
    app()
