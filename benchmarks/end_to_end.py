"""Training on real data, in real steps a second: packed lanes against PyTorch's usual form.

Ours are the models that `python run.py TASK` trains on its embedded data: lanes without padding, windows, carried
state, XLA and several windows a call, as by default. PyTorch's (`torch_models.py`) have the same architecture, the same
number of parameters, and about as many real steps in a training step. Texts are sorted into padded batches of like
length; a backward half reads each text reversed within its own length. The tagger reads each spelling of a batch once,
packed. Pairs are sorted into batches with as many real target tokens as ours; the encoder is packed, the decoder and
the cross-entropy are padded. A forecaster reads whole series, as many at a time as ours has lanes, in windows whose
state is carried and detached. A language model reads all texts end to end, cut into as many pieces as ours has lanes,
in windows whose state is carried and detached.

Both update only the embedding rows that a batch reads: ours by `LazyAdam`, PyTorch's by sparse gradients and
`SparseAdam`. (The readouts of translation and of the language model need all rows, which have Adam in both.) The time
includes everything: batches, forward and backward pass, clipping, Adam. It is that of an epoch, or where a row says so
of a number of windows, each time the same, from the start of `fit` to its end. A step is a word, a subword, a
character, or a segment of a series. Padding does not count.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import joblib
import numpy as np

from benchmarks.ours import Ours
from benchmarks.torch_data import data_of


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        title: What is trained.
        task: The name of the task.
        windows: The windows that are timed; None is an epoch.
        options: Options that are not at their defaults, as pairs of names and values.
    """

    title: str
    task: str
    windows: int | None = None
    options: tuple[tuple[str, Any], ...] = ()


TIMED_WINDOWS = 48
"""An epoch of translation takes minutes."""
CHARACTERS = (("level", "character"), ("layers", 2), ("window", 128), ("batch_size", 64))
ROWS = (
    Row("sentiment: LSTM over words", "sentiment"),
    Row("tagging: bidirectional LSTM over words and spellings", "pos"),
    Row("translation: LSTM encoder, attention, decoder", "translation", TIMED_WINDOWS),
    Row("translation: GRU encoder, attention, decoder", "translation", TIMED_WINDOWS, (("cell", "gru"),)),
    Row("language model: two LSTM layers over characters", "language_model", 24, CHARACTERS),
    Row("forecasting: LSTM over segments", "forecasting"),
)


class Contender(NamedTuple):
    """What a row's model of one library is.

    Attributes:
        parameters: Its trainable parameters.
        steps: Real steps of a training step.
        threads: What runs at the same time.
    """

    parameters: int
    steps: float
    threads: str


@functools.lru_cache(maxsize=1)
def ours(row: Row) -> Ours:
    """The model of ours, in a worker process, which holds that of one row."""
    import tasks

    kind = tasks.get(row.task)
    return Ours(kind(kind.Options(**dict(row.options))), row.windows)


@functools.lru_cache(maxsize=1)
def theirs(row: Row) -> list[Any]:
    """A place for the model of PyTorch, in a worker process, which holds that of one row."""
    return []


def our_contender(contender: str, row: Row) -> Contender:
    model = ours(row).model
    parameters = sum(int(np.prod(weights.shape)) for weights in model.trainable_variables)
    programs = f"{len(model.replicas.own)} programs" if model.xla else f"{joblib.cpu_count()} threads"
    return Contender(parameters, ours(row).steps_of_a_window, programs)


def for_torch(contender: str, row: Row) -> tuple[Any, dict[str, Any], float]:
    """The training data, the options and the real steps of a window, for a worker process of PyTorch."""
    task = ours(row).task
    return data_of(task), task.options.as_json(), ours(row).steps_of_a_window


def their_contender(contender: str, row: Row, data: Any, options: dict[str, Any], *, steps: float) -> Contender:
    import torch

    from benchmarks.torch_models import Theirs

    model = Theirs(row.task, data, options, steps=steps, batches=row.windows)
    theirs(row)[:] = [model]
    found = [real for real, _ in data.epoch(steps, row.windows)]
    return Contender(model.parameters, float(np.mean(found)), f"{torch.get_num_threads()} threads")


def seconds_and_steps(contender: str, row: Row) -> tuple[float, float]:
    """Seconds and real steps of an epoch or of a row's windows, in a worker process."""
    start = time.perf_counter()
    if contender == "torch":
        steps = theirs(row)[0].train()
    else:
        ours(row).train()
        steps = ours(row).steps_of_a_window * ours(row).windows
    return time.perf_counter() - start, steps


def measure(workers: Any, rounds: int, row: Row) -> tuple[dict[str, Contender], dict[str, float]]:
    """The contenders, and real steps a second of each, medians over interleaved rounds after one to warm up.

    Raises:
        ValueError: The models do not have the same number of parameters.
    """
    contenders = {"ours": workers(our_contender, "ours", row)}
    if workers.torch:
        data, options, steps = workers(for_torch, "ours", row)
        contenders["torch"] = workers(functools.partial(their_contender, steps=steps), "torch", row, data, options)
        numbers = [contender.parameters for contender in contenders.values()]
        if numbers[0] != numbers[1]:
            raise ValueError(f"{row.title}: ours has {numbers[0]:,} parameters, PyTorch's {numbers[1]:,}")
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(1 + rounds):
        for name in contenders:
            seconds, real = workers(seconds_and_steps, name, row)
            if number:
                rates[name].append(real / seconds)
    return contenders, {name: float(np.median(found)) for name, found in rates.items()}


def print_table(workers: Any, rounds: int, names: Sequence[str] = ()) -> None:
    """Prints the rows of the named tasks; of all without any."""
    print("\n| training on the embedded default | parameters | real steps of a training step: ours, PyTorch ", end="")
    print("| at once: ours, PyTorch | ours, real steps a second | PyTorch | ratio |\n|---|---|---|---|---|---|---|")
    for row in ROWS:
        if not names or row.task in names:
            contenders, rates = measure(workers, rounds, row)
            torch = f"{rates['torch']:,.0f} | {rates['ours'] / rates['torch']:.2f}" if "torch" in rates else "- | -"
            steps = ", ".join(f"{contender.steps:,.0f}" for contender in contenders.values())
            threads = ", ".join(contender.threads for contender in contenders.values())
            print(f"| {row.title} | {contenders['ours'].parameters:,} | {steps} | {threads} ", end="")
            print(f"| {rates['ours']:,.0f} | {torch} |", flush=True)
