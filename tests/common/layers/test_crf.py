"""The CRF against all sequences of tags, one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import tensorflow as tf

from common.layers.crf import CRFAccuracy, CRFHead, CRFLoss
from tests.helpers import assert_all_close, check_configuration, normal, randomise

TAGS, UNITS = 3, 4


def built(seed: int = 1) -> CRFHead:
    head = CRFHead(TAGS, seed=seed)
    head.build((None, None, UNITS))
    randomise(head, seed)
    return head


def scores_of(head: CRFHead, scores: tf.Tensor, sequences: np.ndarray) -> tf.Tensor:
    """Of each of the sequences of tags, `[n, time]`: its start, its steps, its transitions; `[n]`."""
    start, transition = tf.convert_to_tensor(head.start), tf.convert_to_tensor(head.transition)
    steps = tf.reduce_sum(tf.gather(scores, sequences.T, batch_dims=1), 0)
    transitions = tf.gather_nd(transition, np.stack([sequences[:, :-1], sequences[:, 1:]], 2))
    return tf.gather(start, sequences[:, 0]) + steps + tf.reduce_sum(transitions, 1)


def every(length: int, tags: int = TAGS) -> np.ndarray:
    return np.array(list(product(range(tags), repeat=length)))


def log_likelihoods(head: CRFHead, scores: tf.Tensor) -> tf.Tensor:
    """Of every sequence of tags, in the order of `every`."""
    found = scores_of(head, scores, every(scores.shape[0]))
    return found - tf.reduce_logsumexp(found)


def log_likelihood(head: CRFHead, scores: tf.Tensor, tags: tuple[int, ...]) -> tf.Tensor:
    return log_likelihoods(head, scores)[int(np.flatnonzero((every(len(tags)) == tags).all(1))[0])]


def packed_targets(sequences: list[tuple[int, ...]]) -> tf.Tensor:
    pairs = [(before, tag) for tags in sequences for before, tag in zip((-1, *tags), tags)]
    return tf.constant([pairs], tf.int32)


def packed_keep(lengths: list[int]) -> np.ndarray:
    keep = np.ones((1, sum(lengths)), np.float32)
    keep[0, np.cumsum([0, *lengths[:-1]])] = 0
    return keep


def test_configuration_makes_the_same_head() -> None:
    check_configuration(CRFHead(5, dropout=0.2, seed=3))


@pytest.mark.parametrize("lengths", [[1], [4], [3, 1, 4]])
def test_loss_and_gradients_are_those_of_the_likelihood_over_all_sequences(lengths: list[int]) -> None:
    head, x = built(), normal(1, sum(lengths), UNITS, seed=5)
    draw = np.random.default_rng(2)
    tags = [tuple(draw.integers(0, TAGS, length).tolist()) for length in lengths]
    sources = [x, *(v.value for v in head.trainable_variables)]

    def gradients(loss: object) -> list:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = loss()
        return [total, *map(tf.convert_to_tensor, tape.gradient(total, sources, unconnected_gradients="zero"))]

    def ours() -> tf.Tensor:
        outputs, _ = head(x, keep=packed_keep(lengths), state=head.initial_state(1))
        return tf.reduce_sum(CRFLoss(head, reduction=None)(packed_targets(tags), outputs))

    def naive() -> tf.Tensor:
        parts = tf.split(head.emission(x)[0], lengths)
        return -tf.add_n([log_likelihood(head, part, one) for part, one in zip(parts, tags)])

    assert_all_close(gradients(ours), gradients(naive))


def test_carried_state_gives_the_loss_of_the_whole_sequence() -> None:
    head, x, tags = built(), normal(1, 7, UNITS), (0, 2, 1, 1, 0, 2, 2)
    loss, targets, keep = CRFLoss(head, reduction=None), packed_targets([tags]), packed_keep([7])
    whole, _ = head(x, keep=keep, state=head.initial_state(1))
    state, by_windows = head.initial_state(1), []
    for now in (slice(0, 3), slice(3, 4), slice(4, 7)):
        outputs, state = head(x[:, now], keep=keep[:, now], state=state)
        by_windows.append(loss(targets[:, now], outputs))
    assert_all_close(tf.concat(by_windows, 1), loss(targets, whole))
    np.testing.assert_allclose(-tf.reduce_sum(loss(targets, whole)), log_likelihood(head, whole[0, :, :-1], tags), 1e-5)


def test_scores_of_any_size_give_finite_losses() -> None:
    head = built()
    scores = 1e4 * normal(1, 6, TAGS)
    filtered, normalisers = head.forward(scores, packed_keep([6]), *head.initial_state(1))
    assert np.isfinite(filtered).all() and np.isfinite(normalisers).all()


@pytest.mark.parametrize("size", [-1e3, 1e3])
def test_transitions_of_any_size_give_finite_losses(size: float) -> None:
    head = CRFHead(2)
    head.build((None, None, UNITS))
    scores = normal(1, 3, 2)
    head.start.assign([size, size - 1])
    head.transition.assign([[size, size + 1], [size - 1, size]])
    _, normalisers = head.forward(scores, packed_keep([3]), *head.initial_state(1))
    total = tf.reduce_logsumexp(scores_of(head, scores[0], every(3, tags=2)))
    np.testing.assert_allclose(tf.reduce_sum(normalisers), total, rtol=1e-6)
    assert np.isfinite(head.decode(scores, packed_keep([3]))[1]).all()


def test_accuracy_is_of_the_decoded_tags_without_blank_steps() -> None:
    head, lengths = built(), [3, 1]
    scores = 2 * normal(1, 6, TAGS)  # The last two steps are blank.
    best = head.best(scores[:, :4], packed_keep(lengths)).numpy()[0].tolist()
    wrong = [(best[0] + 1) % TAGS, *best[1:]]
    outputs = tf.concat([scores, tf.zeros((1, 6, 1))], 2)
    weights = tf.constant([[1.0, 1, 1, 1, 0, 0]])
    for tags, expected in ((best, 1.0), (wrong, 0.75)):
        targets = packed_targets([tuple(tags[:3]), tuple(tags[3:])])
        metric = CRFAccuracy(head)
        metric.update_state(tf.pad(targets, [[0, 0], [0, 2], [0, 0]]), outputs, weights)
        assert float(metric.result()) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_decoding_finds_the_best_of_all_sequences_and_their_marginals(seed: int) -> None:
    head, lengths = built(seed), [4, 1, 3]
    scores = 2 * normal(len(lengths), max(lengths), TAGS, seed=seed)
    keep = np.array([[0 < t < length for t in range(max(lengths))] for length in lengths], np.float32)
    tags, probability = head.decode(scores, keep)
    for row, length in enumerate(lengths):
        chances, sequences = np.exp(log_likelihoods(head, scores[row, :length])), every(length)
        best = sequences[chances.argmax()]
        np.testing.assert_array_equal(tags[row, :length], best)
        marginals = [chances[sequences[:, t] == best[t]].sum() for t in range(length)]
        np.testing.assert_allclose(probability.numpy()[row, :length], marginals, atol=1e-5)


def test_decoding_keeps_packed_sequences_apart() -> None:
    head, lengths = built(3), [4, 1, 3]
    scores = 2 * normal(1, sum(lengths), TAGS)
    together = head.decode(scores, packed_keep(lengths))
    alone = [head.decode(part, packed_keep([part.shape[1]])) for part in tf.split(scores, lengths, 1)]
    for n in range(2):
        assert_all_close(together[n], tf.concat([one[n] for one in alone], 1))


def test_one_step_is_decoded_as_beside_another_sequence() -> None:
    head = built()
    scores = normal(3, 2, TAGS, seed=8)
    alone, beside = (head.decode(scores[:, :steps], tf.zeros((3, steps))) for steps in (1, 2))
    for one, other in zip(alone, beside):
        np.testing.assert_allclose(one[:, 0], other[:, 0], rtol=1e-6)
