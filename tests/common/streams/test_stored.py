"""Sequences on disk give the windows of those in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from common.streams import Pieces, Sequences, Stream, stored
from common.streams.stored import Constant, Run, Store

LENGTHS = [7, 900, 1, 40, 2500, 3]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, size in {"BLOCK": 16, "SHARD": 40, "TOGETHER": 8, "HELD": 20}.items():
        monkeypatch.setattr(stored, name, size)
    made = Store(tmp_path)
    values = np.arange(sum(LENGTHS))

    def runs() -> list[Run]:
        found, at = [], 0
        for length in LENGTHS:
            for first in range(0, length, 1000):
                here = values[at + first : at + min(first + 1000, length)]
                found.append(Run({"step": here, "half": here // 2}, first + 1000 >= length))
            at += length
        return found

    made.write(runs(), {"step": np.uint16, "half": np.int32})
    return made


def both(store: Store, **options: object) -> tuple[Sequences, Sequences]:
    steps = sum(LENGTHS)
    inputs = {"step": np.arange(steps, dtype=np.int32), "half": np.arange(steps, dtype=np.int32) // 2}
    whole = Sequences(
        np.array(LENGTHS), inputs, targets=np.zeros(steps, np.int32), weights=np.ones(steps, np.float32), **options
    )
    on_disk = Sequences(
        store.lengths,
        store.inputs(),
        targets=Constant(np.int32(0), steps),
        weights=Constant(np.float32(1), steps),
        **options,
    )
    return whole, on_disk


def test_it_lies_in_several_files_and_few_blocks_are_kept(store: Store) -> None:
    assert len(list(store.folder.glob("*array_record*"))) > 3
    step = store.inputs()["step"]
    at = np.random.default_rng(0).integers(-1, sum(LENGTHS), (30, 20))
    np.testing.assert_array_equal(np.where(at < 0, -1, step[at]), at)
    assert len(step._reader._held) == stored.HELD


@pytest.mark.parametrize("cut", [False, True])
def test_windows_are_those_of_sequences_in_memory(store: Store, cut: bool) -> None:
    whole, on_disk = both(store, mask_steps=9)
    if cut:
        whole, on_disk = (replace(one, pieces=Pieces(4, context=3)).filling(7) for one in (whole, on_disk))
        assert len(whole) > len(LENGTHS)
    one, other = (Stream(of, 3, 8, reach=11, passes=2, seed=1) for of in (whole, on_disk))
    assert one.windows(1) == other.windows(1)
    for a, b in zip(one.dataset(1).as_numpy_iterator(), other.dataset(1).as_numpy_iterator(), strict=True):
        for x, y in zip(tf.nest.flatten(a), tf.nest.flatten(b), strict=True):
            assert x.dtype == y.dtype
            np.testing.assert_array_equal(x, y)
