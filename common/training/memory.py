"""The memory that a training needs at least, looked at before its network is built."""

from __future__ import annotations

import sys
from pathlib import Path

from common import cells, memory
from common.errors import InputError
from common.options import TrainOptions

COPIES = 5
"""Of each weight there are its gradient, two moments of the optimiser, and its value in the best epoch as well."""
NUMBER = 4
"""Bytes."""
DEVICES = Path("/dev")


def check_memory(options: TrainOptions, embedded: tuple[int, int] = (0, 0), *, gates: int | None = None) -> None:
    """Refuses a training whose recurrent layers and learned vectors alone cannot fit into memory.

    On a GPU, whose memory is another, its allocator refuses.

    Args:
        options: The options of the training.
        embedded: How many vectors are learned, and their width, see `tasks.base.Task.embedded`.
        gates: Those of the cell that are counted; None counts all, which imports Keras.

    Raises:
        InputError: They do not fit.
    """
    there = memory.available()
    if there is None or _may_use_gpu():
        return
    needed = least(options, embedded, gates=gates)
    if needed > there:
        vectors, width = embedded
        learned = f"{vectors:,} vectors" if vectors else "inputs"
        of_width = f" and {learned} of width {width:,}" if width else ""
        narrower = ", or a smaller --embedding" if width else ""
        raise InputError(
            f"--units {options.units}: the recurrent layers{of_width} alone need at least "
            f"{needed / 1e9:,.1f} GB to train, and {there / 1e9:,.1f} GB of memory are free; give fewer --units or "
            f"--layers, a smaller --batch-size, --window or --reach{narrower}"
        )


def _may_use_gpu() -> bool:
    """Whether there is a GPU that TensorFlow can use; before it is imported, whether there is any."""
    if tensorflow := sys.modules.get("tensorflow"):
        return bool(tensorflow.config.list_physical_devices("GPU"))
    return any(any(DEVICES.glob(pattern)) for pattern in ("nvidia[0-9]*", "kfd"))


def least(options: TrainOptions, embedded: tuple[int, int] = (0, 0), *, gates: int | None = None) -> float:
    """Bytes that the weights take, and the states of all steps that a gradient travels back.

    The weights are the recurrent ones, the first layer's for its inputs, and the vectors, whose gradient is of the rows
    that are read. Arguments are those of `check_memory`.
    """
    units = float(options.units)
    if gates is None:
        gates = _gates(options.cell) if cells.is_recurrent(options.cell) else 1
    vectors, width = embedded
    weights = gates * units * (options.layers * units + width)
    steps = max(options.window or 0, options.reach or 0)
    states = options.layers * (options.batch_size or 1) * steps * (gates + 1) * units
    return NUMBER * (COPIES * weights + (COPIES - 1) * vectors * width + states)


def _gates(name: str) -> int:
    cell = cells.keras_cell(name, 1)
    cell.build((None, 1))
    return int(cell.recurrent_kernel.shape[-1])
