"""The code of docs/library.md runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "library.md"


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the page's blocks define, run one after the other."""
    found: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), found)
    return found


def test_the_network_trains(names: dict[str, Any]) -> None:
    losses = names["history"].history["loss"]
    assert len(losses) == 3
    assert losses[-1] < losses[0]


def test_weights_move_from_keras(names: dict[str, Any]) -> None:
    x, ours = names["x"], names["ours"]
    outputs, state = ours(x)
    np.testing.assert_allclose(outputs, names["theirs"](x), atol=1e-5)
    again, _ = ours(x, state=state)
    np.testing.assert_allclose(names["outputs"], again, atol=1e-5)
    assert np.abs(again - outputs).max() > 1e-3  # The state counts.
