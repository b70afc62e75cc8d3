"""Every task trains in mixed precision much as it does in float32, and answers in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tasks
from common.training.run import fit
from tests.tasks.trained import graphs_as_they_are, make
from tests.together import steps_of

LANES = 5


def distance(arrays: list[np.ndarray], others: list[np.ndarray]) -> float:
    """The Euclidean distance between all numbers of two lists of arrays."""
    return float(np.sqrt(sum(np.sum((one - other) ** 2) for one, other in zip(arrays, others, strict=True))))


@pytest.mark.parametrize("name", tasks.TASKS)
def test_mixed_precision_goes_where_float32_goes(name: str, data_of, tmp_path: Path) -> None:
    few, exact, mixed = (
        steps_of(name, data_of(name), tmp_path, None, steps=steps, precision=precision, batch_size=LANES)
        for steps, precision in [(1, "float32"), (4, "float32"), (4, "mixed_bfloat16")]
    )
    assert {one.dtype for one in mixed} == {one.dtype for one in exact}, "only products are rounded"
    weights = [n for n, one in enumerate(exact) if n and one.shape[:1] != (LANES,)]
    moved, apart = (distance([exact[n] for n in weights], [other[n] for n in weights]) for other in (few, mixed))
    assert 0 < apart < 0.1 * moved
    np.testing.assert_allclose(mixed[0][-1], exact[0][-1], rtol=1e-3)  # The loss, the last of the logs.


def test_what_follows_a_training_in_mixed_precision_computes_in_float32(data_of, tmp_path: Path) -> None:
    task = make("language_model", data_of("language_model"), tmp_path, precision="mixed_bfloat16", epochs=1)
    begun = []
    with graphs_as_they_are():
        fitted = fit(task, tmp_path, before=lambda before: begun.append(precisions(before)))
    assert (begun, precisions(fitted)) == ([["bfloat16"] * 2], [None] * 2)
    assert fitted.run.history[0]["val_loss"] == pytest.approx(
        fitted.model.evaluate(fitted.streams["validation"], return_dict=True, verbose=0)["loss"], rel=1e-3
    )


def precisions(fitted) -> list[str | None]:
    network = fitted.model.network
    return [network.precision, *(layer.precision for layer in network.stack.forwards)]
