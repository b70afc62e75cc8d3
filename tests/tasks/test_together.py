"""Every task trains on several devices and workers, and in mixed precision, as it does on one in float32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tasks
from common.training.run import Fitted, fit
from tests.shared import made_once
from tests.tasks.trained import make
from tests.together import steps_of, train_on

WAYS = {
    "two": ("translation", "language_model", "captioning"),
    "three": ("sentiment",),
    "devices": tuple(name for name in tasks.TASKS if name not in ("translation", "language_model", "captioning")),
}
"""The tasks that train in each way; `benchmarks/equality.py` trains all in all. Three workers' shares are unlike."""


@pytest.fixture(scope="module")
def together(data_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what several workers, and several devices of one, came to."""

    def make(folder: Path) -> None:
        for how, names in WAYS.items():
            train_on(how, folder, {name: data_of(name) for name in names})

    return made_once(tmp_path_factory, "together", make)


@pytest.fixture(scope="module")
def alone(data_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """What each task comes to on one device."""

    def found(name: str) -> dict[str, np.ndarray]:
        def make(folder: Path) -> None:
            np.savez(folder / "found.npz", **steps_of(name, data_of(name), folder, None))

        return dict(np.load(made_once(tmp_path_factory, f"alone-{name}", make) / "found.npz"))

    return found


@pytest.mark.parametrize("name", tasks.TASKS)
def test_weights_loss_and_states_are_those_of_one_device(name: str, together: Path, alone: Callable) -> None:
    expected, files = alone(name), sorted(together.glob(f"*/{name}-*.npz"))
    assert len(files) == (4 if name == "sentiment" else 2 if name in WAYS["two"] else 1)
    for path in files:
        with np.load(path) as arrays:
            assert set(arrays.files) == set(expected)
            for key, one in expected.items():
                np.testing.assert_allclose(arrays[key], one, rtol=1e-6, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("name", tasks.TASKS)
def test_mixed_precision_goes_where_float32_goes(name: str, alone: Callable, data_of, tmp_path: Path) -> None:
    exact, mixed = alone(name), steps_of(name, data_of(name), tmp_path, None, precision="mixed_bfloat16")
    assert {key: one.dtype for key, one in mixed.items()} == {key: one.dtype for key, one in exact.items()}
    moved = distance(exact, {key.replace("start", "weight"): one for key, one in exact.items() if "start" in key})
    assert 0 < distance(exact, mixed) < 0.1 * moved
    np.testing.assert_allclose(mixed["logs"][-1], exact["logs"][-1], rtol=1e-3)  # The loss.


def distance(found: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> float:
    """The Euclidean distance between all weights."""
    return float(np.sqrt(sum(np.sum((one - others[key]) ** 2) for key, one in found.items() if "weight" in key)))


def test_what_follows_a_training_in_mixed_precision_computes_in_float32(data_of, tmp_path: Path) -> None:
    task = make("language_model", data_of("language_model"), tmp_path, precision="mixed_bfloat16", epochs=1)
    begun: list[list[str | None]] = []
    fitted = fit(task, tmp_path, before=lambda before: begun.append(precisions(before)))
    assert (begun, precisions(fitted)) == ([["bfloat16"] * 2], [None] * 2)
    found = fitted.model.evaluate(fitted.streams["validation"], return_dict=True, verbose=0)["loss"]
    in_training = fitted.run.history[0]["val_loss"]
    assert in_training == pytest.approx(found, rel=1e-3) and in_training != found


def precisions(fitted: Fitted) -> list[str | None]:
    network = fitted.model.network
    return [network.precision, *(layer.precision for layer in network.stack.forwards)]
