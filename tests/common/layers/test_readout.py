"""Readouts against plain computations, across windows."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from common.layers.readout import Readout
from tests.helpers import assert_all_close, check_configuration, normal, results_and_gradients

KINDS = ("last", "mean", "max", "mean_max")
EVERY_READOUT = pytest.mark.parametrize("kind", KINDS)
BATCH, TIME, UNITS = 3, 7, 5


@EVERY_READOUT
def test_configuration_makes_the_same_readout(kind: str) -> None:
    check_configuration(Readout(kind))


def naive_readout(kind: str, x: tf.Tensor, starts: list[int]) -> tf.Tensor:
    outputs = []
    for t in range(x.shape[1]):
        seen = x[:, max(s for s in starts if s <= t) : t + 1]
        mean, highest = tf.reduce_mean(seen, 1), tf.reduce_max(seen, 1)
        outputs.append({"last": x[:, t], "mean": mean, "max": highest, "mean_max": tf.concat([mean, highest], 1)}[kind])
    return tf.stack(outputs, 1)


@EVERY_READOUT
@pytest.mark.parametrize("windows", [[11], [4, 4, 3], [1] * 11])
def test_readout_equals_a_plain_computation_across_windows_with_its_gradient(kind: str, windows: list[int]) -> None:
    lengths = [3, 1, 7]
    x, keep = normal(2, sum(lengths), UNITS), np.ones((2, sum(lengths)), np.float32)
    starts = [0, 3, 4]
    keep[:, starts] = 0
    layer = Readout(kind)
    layer.build(x.shape)

    def by_windows() -> list:
        outputs, state, at = [], layer.initial_state(2), 0
        for width in windows:
            now = slice(at, at + width)
            out, state = layer(x[:, now], keep=keep[:, now], state=state)
            outputs.append(out)
            at += width
        return [tf.concat(outputs, 1)]

    expected = results_and_gradients(lambda: [naive_readout(kind, x, starts)], [], x)
    assert_all_close(results_and_gradients(by_windows, [], x), expected)


@EVERY_READOUT
@given(kept=st.lists(st.booleans(), min_size=8, max_size=8), seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_readout_of_random_packings(kind: str, kept: list[bool], seed: int) -> None:
    kept[0] = False
    x = normal(1, 8, 3, seed=seed) - 3
    layer = Readout(kind)
    layer.build(x.shape)
    outputs, _ = layer(x, keep=np.array([kept], np.float32), state=layer.initial_state(1))
    assert_all_close(outputs, naive_readout(kind, x, [t for t in range(8) if not kept[t]]))


@EVERY_READOUT
def test_neither_infinity_nor_nan_crosses_the_start_of_a_sequence_in_a_readout(kind: str) -> None:
    x, keep = normal(1, 4, 3), np.array([[0, 1, 1, 1]], np.float32)
    layer = Readout(kind)
    layer.build(x.shape)
    clean = layer.initial_state(1)
    spoilt = tf.nest.map_structure(lambda s: tf.fill(s.shape, np.nan), clean)
    assert_all_close(layer(x, keep=keep, state=spoilt), layer(x, keep=keep, state=clean))


@EVERY_READOUT
def test_readout_computes_the_same_under_xla(kind: str) -> None:
    x, keep = normal(BATCH, TIME, UNITS), np.ones((BATCH, TIME), np.float32)
    keep[0, 3] = keep[1, 0] = keep[2, -1] = 0
    results = []
    for jit_compile in (False, True):
        readout = Readout(kind)
        readout.build(x.shape)
        state = tuple(tf.ones_like(s) for s in readout.initial_state(BATCH))

        @tf.function(jit_compile=jit_compile)
        def read(readout: Readout = readout, state: tuple = state) -> tuple:
            with tf.GradientTape() as tape:
                tape.watch((x, state))
                outputs, after = readout(x, keep=keep, state=state)
                total = tf.reduce_sum(outputs**2) + sum(tf.reduce_sum(s**3) for s in after)
            return outputs, after, tape.gradient(total, (x, state))

        results.append(tf.nest.flatten(read()))
    for plain, xla in zip(*results, strict=True):
        assert_all_close(xla, plain)


def test_a_mean_in_bfloat16_counts_past_256_steps() -> None:
    x, keep = tf.ones((1, 600, 2), tf.bfloat16), np.ones((1, 600), np.float32)
    keep[:, 0] = 0
    layer = Readout("mean", dtype="mixed_bfloat16")
    layer.build(x.shape)
    outputs, (sums, counts) = layer(x, keep=keep, state=layer.initial_state(1))
    assert outputs.dtype == tf.bfloat16 and (outputs.numpy() == 1).all()
    assert (sums.numpy() == 600).all() and counts.numpy() == 600
