"""Training on several workers or devices beside one: how far what comes of it differs.

Usage: python benchmarks/equality.py [--steps 20]

Every task trains on its tiny data of the tests, four lanes in all, with dropout: on one device, on two and three
workers of this machine, and on two devices. Prints a Markdown table for docs/scale.md: the largest difference of the
loss, the weights and the states of all lanes, a and b, relative to 1 + |b|.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cyclopts
import numpy as np


def main(*, steps: int = 20) -> None:
    """Trains, and prints the table.

    Args:
        steps: Training steps.
    """
    import tasks
    from tests.tiny import DATA
    from tests.together import WAYS, steps_of, train_on

    with tempfile.TemporaryDirectory() as name:
        folder, data = Path(name), {}
        for task in tasks.TASKS:
            (folder / task).mkdir()
            data[task] = DATA[task](folder / task)
        for how in WAYS:
            train_on(how, folder, data, steps=steps)
        print("| task | two workers | three workers | two devices |\n|---|---|---|---|")
        for task, path in data.items():
            alone = steps_of(task, path, folder, None, steps=steps)
            cells = [f"{max(difference(file, alone) for file in files(folder / how, task)):.1e}" for how in WAYS]
            print(f"| {task} | {' | '.join(cells)} |", flush=True)


def files(folder: Path, task: str) -> list[Path]:
    """What the processes wrote."""
    return sorted(folder.glob(f"{task}-*.npz"))


def difference(path: Path, expected: dict[str, np.ndarray]) -> float:
    """The largest difference of two numbers."""
    with np.load(path) as arrays:
        if set(arrays.files) != set(expected):
            raise ValueError(f"{path} has other arrays")
        return max(float((np.abs(arrays[n] - b) / (1 + np.abs(b))).max(initial=0.0)) for n, b in expected.items())


if __name__ == "__main__":
    cyclopts.run(main)
