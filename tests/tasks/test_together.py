"""Every task trains on several devices and workers as it does on one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tasks
from tests.shared import made_once
from tests.together import cluster_of, ended, started, steps_of

ONE = ("sentiment",)
"""The task that trains on three workers, whose four lanes make shares of unlike size, and on two devices."""


@pytest.fixture(scope="module")
def together(data_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what several workers, and several devices of one, came to."""
    return made_once(tmp_path_factory, "together", lambda folder: train_together(folder, data_of))


def train_together(folder: Path, data_of: Callable[[str], Path]) -> None:
    """Trains every task on several workers, and one task on several devices."""
    for number, strategy, environments, names in (
        ("two", "multiworker", cluster_of(2), [name for name in tasks.TASKS if name not in ONE]),
        ("three", "multiworker", cluster_of(3), ONE),
        ("devices", "mirrored", [dict(os.environ)], ONE),
    ):
        (folder / number).mkdir()
        pairs = [f"{name}:{data_of(name)}" for name in names]
        command = ["-m", "tests.together", strategy, str(folder / number), *pairs]
        with started([command] * len(environments), environments) as processes:
            ended(processes)


@pytest.mark.parametrize("name", tasks.TASKS)
def test_weights_loss_and_states_are_those_of_one_device(name: str, together: Path, data_of, tmp_path: Path) -> None:
    alone = steps_of(name, data_of(name), tmp_path, None)
    files = sorted(together.glob(f"*/{name}-*.npz"))
    assert len(files) == (4 if name in ONE else 2)
    for path in files:
        with np.load(path) as arrays:
            for one, key in zip(alone, arrays.files, strict=True):
                np.testing.assert_allclose(arrays[key], one, rtol=1e-6, atol=1e-6)
