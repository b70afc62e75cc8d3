"""Every task trains in mixed precision much as it does in float32."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

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
    states = [n for n, one in enumerate(mixed) if one.shape[:1] == (LANES,)]
    assert tf.bfloat16.as_numpy_dtype in [mixed[n].dtype.type for n in states]
    weights = [n for n in range(1, len(mixed)) if n not in states]
    assert {mixed[n].dtype for n in weights} == {np.dtype(np.float32)}
    moved, apart = (distance([exact[n] for n in weights], [other[n] for n in weights]) for other in (few, mixed))
    assert 0 < apart < 0.5 * moved, "the same way"
    *_, loss = mixed[0].ravel()  # The other logs before it count clipped steps and right answers.
    np.testing.assert_allclose(loss, exact[0].ravel()[-1], rtol=2e-3)


def test_what_follows_a_training_in_mixed_precision_computes_in_float32(data_of, tmp_path: Path) -> None:
    task = make("signals", data_of("signals"), tmp_path, precision="mixed_bfloat16", epochs=1)
    begun = []
    with graphs_as_they_are():
        fitted = fit(task, tmp_path, before=begun.append)
    before, after = begun[0].model.network, fitted.model.network
    assert (before.compute_dtype, after.compute_dtype, keras.config.dtype_policy().name) == (
        "bfloat16",
        *["float32"] * 2,
    )
    for one, other in zip(before.weights, after.weights, strict=True):
        np.testing.assert_array_equal(one, other)
