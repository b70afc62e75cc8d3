"""How far the results of two trainings differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.equality import difference, files


def test_the_largest_difference_of_all_numbers_counts(tmp_path: Path) -> None:
    np.savez(tmp_path / "pos-0.npz", logs=np.array([1.0, 2.0]), weight_0=np.array([-3.0]), state_0=np.zeros((0, 2)))
    np.savez(tmp_path / "pos-1.npz", logs=np.array([1.0, 2.0]))
    (path, _) = files(tmp_path, "pos")
    expected = {"logs": np.array([1.0, 2.3]), "weight_0": np.array([-4.0]), "state_0": np.zeros((0, 2))}
    assert difference(path, expected) == pytest.approx(1 / 5)
    del expected["state_0"]
    with pytest.raises(ValueError, match="other arrays"):
        difference(path, expected)
