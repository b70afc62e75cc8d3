"""Sequences of vectors, classified whole and as they come."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from common.layers.embeddings import Numbers
from common.layers.heads import ReadoutHead, classifier
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.signals import Scale, SignalClassifier, SignalNetwork

VALUES = 1e8 + np.random.default_rng(0).normal(size=(3, 7, 2))


def made(by_step: bool) -> SignalClassifier:
    head = ReadoutHead(Readout("last" if by_step else "last_mean_max"), classifier(3))
    network = SignalNetwork(Numbers(2), RecurrentStack("lstm", 5, seed=1), head)
    network.build()
    return SignalClassifier(network, Scale.of(VALUES.reshape(-1, 2)), ["a", "b", "c"], by_step=by_step)


@pytest.fixture(scope="module", params=[False, True], ids=["sequences", "steps"])
def one(request: pytest.FixtureRequest) -> SignalClassifier:
    return made(request.param)


def test_a_constant_column_and_large_values_have_a_scale() -> None:
    values = np.stack([np.full(8, 3.0), 1e8 + np.arange(8)], 1)
    found = Scale.of(values)(values)
    assert (found[:, 0] == 0).all()
    np.testing.assert_allclose(np.diff(found[:, 1]), np.diff(found[:, 1])[0])


def test_padding_changes_no_answer(one: SignalClassifier) -> None:
    padded = np.concatenate([VALUES[:, :5], np.full((3, 4, 2), np.nan)], 1)
    alone, beside = one.whole(tf.constant(VALUES[:, :5])), one.whole(tf.constant(padded))
    if one.by_step:
        assert (beside["label"].numpy()[:, 5:] == b"").all() and (beside["probability"].numpy()[:, 5:] == 0).all()
        beside = {name: value[:, :5] for name, value in beside.items()}
    np.testing.assert_array_equal(alone["label"], beside["label"])
    np.testing.assert_allclose(alone["probability"], beside["probability"], atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 7), max_size=4).map(sorted))
def test_any_chunks_give_what_one_pass_gives(one: SignalClassifier, cuts: list[int]) -> None:
    state, found = tf.zeros((3, 0)), []
    for first, end in zip([0, *cuts], [*cuts, 7]):
        answer = one.stream(tf.constant(VALUES[:, first:end]), state)
        state = answer["state"]
        found.append(answer["probability"])
    found = tf.concat(found, 1)
    whole = one.whole(tf.constant(VALUES))["probability"]
    np.testing.assert_allclose(found if one.by_step else found[:, -1], whole, atol=1e-6)
