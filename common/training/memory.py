"""The memory that a training needs at least, looked at before its network is built."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from common import cells
from common.errors import InputError
from common.options import TrainOptions

COPIES = 5
"""Of each weight there are its gradient, two moments of the optimiser, and its value in the best epoch as well."""
NUMBER = 4
"""Bytes."""
MEMINFO = Path("/proc/meminfo")
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def check_memory(options: TrainOptions) -> None:
    """Refuses a training whose recurrent layers alone cannot fit into memory.

    On a GPU, whose memory is another, its allocator refuses.

    Raises:
        InputError: They do not fit.
    """
    there = available()
    if there is None or tf.config.list_physical_devices("GPU"):
        return
    needed = least(options)
    if needed > there:
        raise InputError(
            f"--units {options.units}: the recurrent layers alone need {needed / 1e9:,.1f} GB to train, and "
            f"{there / 1e9:,.1f} GB of memory are free; give fewer --units or --layers, a smaller --batch-size, "
            "--window or --reach"
        )


def least(options: TrainOptions) -> float:
    """Bytes that the recurrent weights take, and the states of all steps that a gradient travels back."""
    units, gates = float(options.units), 1
    if cells.is_recurrent(options.cell):
        gates = _gates(options.cell)
    weights = options.layers * gates * units * units
    states = options.layers * (options.batch_size or 1) * max(options.window, options.reach or 0) * (gates + 1) * units
    return NUMBER * (COPIES * weights + states)


def _gates(name: str) -> int:
    cell = cells.keras_cell(name, 1)
    cell.build((None, 1))
    return int(cell.recurrent_kernel.shape[-1])


def available() -> float | None:
    """Bytes of memory that this process may still take; None where the system does not say."""
    if not MEMINFO.is_file():
        return None
    kilobytes = next(line.split()[1] for line in MEMINFO.read_text().splitlines() if line.startswith("MemAvailable"))
    limits = [path.read_text().strip() for path in LIMITS if path.is_file()]
    return min([int(kilobytes) * 1024, *(int(limit) for limit in limits if limit.isdecimal())])
