"""Speed on this machine: the recurrent layers, training end to end, and the memory of TBPTT.

Usage: python benchmarks/speed.py [--parts layers end-to-end memory] [--rounds 15] [--cells lstm gru]
                                  [--tasks sentiment forecasting] [--json FILE]

The layers are ours, stock Keras's, stock Keras's under XLA, and PyTorch's. A step is the forward pass of one layer over
`[batch, time, inputs]`, the mean squared error of its outputs, and the gradients of weights and inputs. Ours runs as in
`TBPTT`: a share of the lanes for each core is one XLA program, beside the others. Every library runs in a process of
its own with all cores and without GPUs. Rounds are interleaved, so that a slow moment of the machine affects all
libraries; the median over the rounds counts. PyTorch is optional (`pip install torch`, the CPU build). Prints Markdown
tables for docs/results.md.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, Literal

import cyclopts
from rich.console import Console
from rich.progress import track

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import end_to_end, memory
from common import cells
from common.options import Count

Size = tuple[int, int, int, int]
SIZES: tuple[Size, ...] = ((64, 64, 128, 256), (16, 128, 128, 512), (32, 35, 64, 128), (128, 50, 300, 300))
CELLS = cells.names()
CONTENDERS = ("ours", "keras", "keras_xla", "torch")
TORCH = {"simple_rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
"""The layers that PyTorch has."""
MATRIX = 2048
QUICK = 0.15  # Minimum seconds of a sample: shorter steps are repeated.


def products(contender: str, cell: str, size: Size) -> float:
    """Floating-point operations of a step's matrix products, forward and backward; in a worker process."""
    batch, steps, inputs, units = size
    layer = cells.keras_cell(cell, units)
    layer.build((None, inputs))
    return 3 * 2 * batch * steps * (inputs + units) * layer.recurrent_kernel.shape[1]


def stock_layer(cell: str, units: int) -> Any:
    """The Keras layer of a cell, such as `keras.layers.LSTM`; for a cell without one, `keras.layers.RNN` around it."""
    import keras

    layer = getattr(keras.layers, cells.get(cell).keras_cell.__name__.removesuffix("Cell"), None)
    if layer is None:
        return keras.layers.RNN(cells.keras_cell(cell, units), return_sequences=True)
    return layer(units, return_sequences=True)


def tensorflow_step(contender: str, cell: str, size: Size) -> Callable[[], Any]:
    import tensorflow as tf

    from common.layers.recurrent import Recurrent
    from common.streams.stream import shares_of
    from common.training.replicas import fitting_shares

    batch, steps, inputs, units = size
    x, y = tf.random.normal((batch, steps, inputs)), tf.random.normal((batch, steps, units))
    ours = contender == "ours"
    layer = Recurrent(cell, units) if ours else stock_layer(cell, units)
    layer.build(x.shape)
    shares = [(x[lanes], y[lanes]) for lanes in shares_of(batch, fitting_shares(batch) if ours else 1)]

    @tf.function(jit_compile=contender != "keras")
    def of_share(x: tf.Tensor, y: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
            outputs = outputs[0] if ours else outputs
            loss = tf.reduce_sum(tf.square(outputs - y)) / (batch * steps * units)
        return tape.gradient(loss, [x, *layer.trainable_variables])

    @tf.function
    def step() -> list[tf.Tensor]:
        of_inputs, *of_weights = zip(*(of_share(*share) for share in shares))
        return [tf.concat(of_inputs, 0), *map(tf.add_n, of_weights)]

    return lambda: step()[-1].numpy()


def torch_step(cell: str, size: Size) -> Callable[[], Any]:
    import torch

    batch, steps, inputs, units = size
    x, y = torch.randn(batch, steps, inputs, requires_grad=True), torch.randn(batch, steps, units)
    layer = getattr(torch.nn, TORCH[cell])(inputs, units, batch_first=True)

    def step() -> None:
        layer.zero_grad()
        x.grad = None
        torch.nn.functional.mse_loss(layer(x)[0], y).backward()

    return step


def matrix_product(contender: str) -> Callable[[], Any]:
    if contender == "torch":
        import torch

        a, b = torch.randn(MATRIX, MATRIX), torch.randn(MATRIX, MATRIX)
        return lambda: torch.mm(a, b)

    import tensorflow as tf

    a, b = tf.random.normal((MATRIX, MATRIX)), tf.random.normal((MATRIX, MATRIX))
    product = tf.function(tf.matmul)
    return lambda: product(a, b)[0, 0].numpy()


@cache
def ready(contender: str, cell: str, size: Size | None) -> tuple[Callable[[], Any], int, float]:
    """A warm step, its repetitions in a sample, and the seconds to compile it: the extra time of its first call."""
    start = time.perf_counter()
    if cell == "matrix product":
        step = matrix_product(contender)
    else:
        step = torch_step(cell, size) if contender == "torch" else tensorflow_step(contender, cell, size)
    step()
    first = time.perf_counter() - start
    start = time.perf_counter()
    step()
    step()
    warm = (time.perf_counter() - start) / 2
    return step, 1 + int(QUICK / warm), first - warm


def sample(contender: str, cell: str, size: Size | None) -> float:
    """Milliseconds of a step, in a worker process."""
    step, repeats, _ = ready(contender, cell, size)
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - start) / repeats * 1e3


def seconds_to_compile(contender: str, cell: str, size: Size | None) -> float:
    return ready(contender, cell, size)[2]


def forget() -> None:
    """Drops the compiled steps in a worker process."""
    ready.cache_clear()


class Workers:
    """A process for each library, so that the waiting threads of one do not slow another; none sees a GPU."""

    def __init__(self) -> None:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # For this process and its children.
        self.torch = importlib.util.find_spec("torch") is not None
        names = ("tensorflow", "torch") if self.torch else ("tensorflow",)
        self.pools = {n: ProcessPoolExecutor(1, mp_context=get_context("spawn")) for n in names}

    def __call__(self, function: Callable, contender: str, *arguments: Any) -> Any:
        pool = self.pools["torch" if contender == "torch" else "tensorflow"]
        return pool.submit(function, contender, *arguments).result()

    def forget(self) -> None:
        for pool in self.pools.values():
            pool.submit(forget).result()


def contenders(workers: Workers, cell: str) -> list[str]:
    return [c for c in CONTENDERS if c != "torch" or (workers.torch and cell in TORCH)]


def measure(workers: Workers, chosen: list[str], rounds: int) -> tuple[list[dict[str, Any]], float]:
    """A row for each cell and size, and the machine's matrix rate in operations a second."""
    rows, products_ms = [], {c: [] for c in ("ours", "torch")[: 1 + workers.torch]}
    for name in products_ms:
        workers(sample, name, "matrix product", None)  # Imports the library.
    work = [(cell, size) for size in SIZES for cell in chosen]
    for cell, size in track(work, "measuring", console=Console(stderr=True)):
        names = contenders(workers, cell)
        compiled = {name: workers(seconds_to_compile, name, cell, size) for name in names}
        times: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                times[name].append(workers(sample, name, cell, size))
            for name in products_ms:
                products_ms[name].append(workers(sample, name, "matrix product", None))
        row: dict[str, Any] = {"cell": cell, "size": size}
        row |= {f"{name}_ms": statistics.median(times[name]) if name in names else None for name in CONTENDERS}
        operations = workers(products, "ours", cell, size)
        rows.append(row | {"compile_s": compiled["ours"], "operations": operations})
        workers.forget()
    rate = 2 * MATRIX**3 / min(statistics.median(ms) / 1e3 for ms in products_ms.values())
    for row in rows:
        row["matrix_rate_fraction"] = {
            name: row["operations"] / (row[f"{name}_ms"] / 1e3) / rate for name in CONTENDERS if row[f"{name}_ms"]
        }
    return rows, rate


def ratio(row: dict[str, Any], other: str) -> float | None:
    return row[other] / row["ours_ms"] if row[other] else None


def print_layers(rows: list[dict[str, Any]], rate: float) -> None:
    def text(number: float | None, form: str) -> str:
        return "-" if number is None else format(number, form)

    print(f"\nLargest measured matrix rate, float32 {MATRIX} x {MATRIX}: {rate / 1e9:.0f} GFLOP/s\n")
    print("| size (batch, time, inputs, units) | cell | ours ms | Keras ms | Keras XLA ms | PyTorch ms ", end="")
    print("| x Keras | x PyTorch | of matrix rate: ours, Keras, Keras XLA, PyTorch | compile s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        times = " | ".join(text(row[f"{name}_ms"], ".1f") for name in CONTENDERS)
        against = " | ".join(text(ratio(row, other), ".2f") for other in ("keras_ms", "torch_ms"))
        print(f"| {row['size']} | {row['cell']} | {times} | {against}", end="")
        fractions = ", ".join(text(row["matrix_rate_fraction"].get(name), ".0%") for name in CONTENDERS)
        print(f" | {fractions} | {row['compile_s']:.1f} |")
    for other in ("keras_ms", "keras_xla_ms", "torch_ms"):
        found = [r for r in (ratio(row, other) for row in rows) if r]
        if found:
            mean = statistics.geometric_mean(found)
            print(f"\n{other.removesuffix('_ms')}: geometric mean {mean:.2f}x, least {min(found):.2f}x")


Several = cyclopts.Parameter(consume_multiple=True)
Part = Literal["layers", "end-to-end", "memory"]


def main(
    *,
    parts: Annotated[tuple[Part, ...], Several] = ("layers", "end-to-end", "memory"),
    rounds: Count = 15,
    cell: Annotated[tuple[cells.CellName, ...], cyclopts.Parameter("--cells", consume_multiple=True)] = CELLS,
    task: Annotated[tuple[str, ...], cyclopts.Parameter("--tasks", consume_multiple=True)] = (),
    json_file: Annotated[Path | None, cyclopts.Parameter("--json")] = None,
) -> None:
    """Measures and prints the tables.

    Args:
        parts: The parts to measure.
        rounds: Number of interleaved samples of each contender.
        cell: The cells of the layers.
        task: The tasks of the end-to-end table; all when not given.
        json_file: A file to write the rows of the layers to.
    """
    workers = Workers()
    if not workers.torch:
        print("PyTorch is not installed: its columns are left out (pip install torch, the CPU build)")
    if "layers" in parts:
        rows, rate = measure(workers, list(cell), rounds)
        print_layers(rows, rate)
        if json_file:
            json_file.write_text(json.dumps(rows, indent=1) + "\n")
            print(f"\nrows are in {json_file}")
    if "end-to-end" in parts:
        end_to_end.print_table(workers, rounds, task)
    if "memory" in parts:
        memory.print_table()


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    cyclopts.run(main)
