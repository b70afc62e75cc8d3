"""Every task trains on several devices and workers as it does on one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tasks
from tests.shared import made_once
from tests.together import steps_of, train_on

ONE = ("sentiment",)
"""The task that trains on three workers, whose four lanes make shares of unlike size, and on two devices."""


@pytest.fixture(scope="module")
def together(data_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what several workers, and several devices of one, came to."""
    return made_once(tmp_path_factory, "together", lambda folder: train_together(folder, data_of))


def train_together(folder: Path, data_of: Callable[[str], Path]) -> None:
    """Trains every task on several workers, and one task on several devices."""
    others = [name for name in tasks.TASKS if name not in ONE]
    for how, names in (("two", others), ("three", ONE), ("devices", ONE)):
        train_on(how, folder, {name: data_of(name) for name in names})


@pytest.mark.parametrize("name", tasks.TASKS)
def test_weights_loss_and_states_are_those_of_one_device(name: str, together: Path, data_of, tmp_path: Path) -> None:
    alone = steps_of(name, data_of(name), tmp_path, None)
    files = sorted(together.glob(f"*/{name}-*.npz"))
    assert len(files) == (4 if name in ONE else 2)
    for path in files:
        with np.load(path) as arrays:
            for one, key in zip(alone, arrays.files, strict=True):
                np.testing.assert_allclose(arrays[key], one, rtol=1e-6, atol=1e-6)
