"""The gain of a forecaster from carried state, compared with reading a fixed window.

Usage: python benchmarks/context.py [--seeds 3] [--days 1 7 28] [options of run.py forecasting]

Trains with carried state and scores every test origin twice: with the carried state, and with a state that starts from
zero before the last segments. Then trains models that never see more segments than those. Prints a Markdown table for
docs/results.md.
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
from common.streams import Sequences, Stream
from common.training.run import Fitted, fit, ready, tested
from common.training.tbptt import TBPTT
from tasks.forecasting import Forecasting
from tasks.forecasting_options import ForecastingOptions


def every_origin_by_itself(sequences: Sequences, steps: int) -> Sequences:
    """Makes each step that counts the end of a sequence of its own, of at most `steps` steps."""
    starts = np.repeat(sequences.offsets, sequences.lengths)
    ends = np.flatnonzero(sequences.weights > 0)
    firsts = np.maximum(starts[ends], ends - steps + 1)
    lengths = ends - firsts + 1
    at = np.repeat(firsts - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    weights = np.zeros(len(at), np.float32)
    weights[np.cumsum(lengths) - 1] = 1
    inputs = {name: values[at] for name, values in sequences.inputs.items()}
    return replace(sequences, lengths=lengths, inputs=inputs, targets=sequences.targets[at], weights=weights)


class FixedWindow(Forecasting):
    """A forecaster that starts from zero every `segments` segments, in training and in testing."""

    segments: int

    def sequences(self, split: str) -> Sequences:
        whole = super().sequences(split)
        if split == "train":
            return whole.in_pieces(whole.steps, least=self.segments)
        return every_origin_by_itself(whole, self.segments)


def scores_from_zero(model: TBPTT, task: Forecasting, segments: int) -> dict[str, float]:
    """Scores of a model at every test origin, when it starts from zero before the last segments."""
    options = task.options
    stream = Stream.in_order(every_origin_by_itself(task.sequences("test"), segments), options.batch_size, segments)
    reader = TBPTT(model.network, options.batch_size, stream.window)
    outputs, export = reader.predict(stream, verbose=0), task.export(model.network)
    return task.scores(task.answers(model.network, stream, outputs, export=export))


def scores_of(task: Forecasting, fitted: Fitted) -> dict[str, float]:
    """Scores of a model on the test split, as `train` reports them."""
    return tested(task, fitted, ready(task, fitted).export)[1]["metrics"]


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
            rows.setdefault(("carried", "carried"), []).append(scores_of(task, fitted))
            for steps in days:
                rows.setdefault(("carried", f"the last {steps}"), []).append(
                    scores_from_zero(fitted.model, task, steps)
                )
            fitted.claim.close()
            for steps in days:
                fixed = FixedWindow(replace(given, window=min(given.window, steps)))
                fixed.segments = steps
                fitted = fit(fixed, Path(folder))
                scores = scores_of(fixed, fitted)
                rows.setdefault((f"pieces of {steps}", f"the last {steps}"), []).append(scores)
                fitted.claim.close()
    shown = ("mae", "mape", "mase", "pinball", "coverage_80")
    print(f"\n| trained on | tested with | {' | '.join(shown)} |\n{'|---' * (len(shown) + 2)}|")
    for (trained, read), scores in rows.items():
        print(f"| {trained} | {read} | {' | '.join(f'{mean(s[name] for s in scores):.4f}' for name in shown)} |")


if __name__ == "__main__":
    app = cyclopts.App(default_command=main)
    app()
