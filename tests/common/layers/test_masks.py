"""Hashed numbers and dropout masks: fixed within a sequence, independent between sequences, units and seeds."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.layers.masks import number_of, uniform_of, variational_mask, weight_mask


def test_mask_is_fixed_within_a_sequence_and_differs_between_sequences_and_seeds() -> None:
    numbers = tf.constant([[0, 0, 0, 1, 1], [2, 2, 3, 3, 3]])
    mask = variational_mask(numbers, 64, rate=0.5, seed=1).numpy()
    of = {n: mask[numbers == n] for n in range(4)}
    assert all(np.all(rows == rows[0]) for rows in of.values())
    assert all(np.any(of[a][0] != of[b][0]) for a in of for b in of if a != b)
    assert np.any(variational_mask(numbers, 64, rate=0.5, seed=2).numpy() != mask)
    # The other windows of a sequence, and steps computed again, have the same mask.
    np.testing.assert_array_equal(variational_mask(numbers[:, 2:], 64, rate=0.5, seed=1), mask[:, 2:])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("seed", [0, 1, 1000])
def test_masks_drop_that_share_of_sequences_of_units_and_keep_the_mean(rate: float, seed: int) -> None:
    mask = variational_mask(tf.range(1000), 100, rate=rate, seed=seed).numpy()
    assert np.unique(mask) == pytest.approx([0, 1 / (1 - rate)])
    five_sigma = 5 * np.sqrt(rate * (1 - rate) / mask.size)
    assert abs(np.mean(mask == 0) - rate) < five_sigma
    for axis in (0, 1):
        shares = np.mean(mask == 0, axis)
        assert np.std(shares) < 1.3 * np.sqrt(rate * (1 - rate) / mask.shape[axis])


def test_masks_of_neighbouring_sequences_units_and_seeds_are_not_correlated() -> None:
    def dropped(seed: int) -> np.ndarray:
        return variational_mask(tf.range(500), 64, rate=0.5, seed=seed).numpy() > 0

    mask = dropped(1)
    neighbours = [(mask[1:], mask[:-1]), (mask[:, 1:], mask[:, :-1])]
    neighbours += [(mask, dropped(1 + step)) for step in (1, 4, 5, 9, 10, 1000)]
    for a, b in neighbours:
        assert abs(np.mean(a == b) - 0.5) < 5 * 0.5 / np.sqrt(a.size)


def test_masks_of_weights_are_drawn_anew_at_each_position_and_keep_the_mean() -> None:
    masks = [weight_mask(tf.constant(n), (60, 50), rate=0.3, seed=4, dtype="float32").numpy() for n in (0, 1, -7, 0)]
    assert np.unique(masks[0]) == pytest.approx([0, 1 / 0.7])
    np.testing.assert_array_equal(masks[0], masks[3])
    kept = np.stack(masks[:3]) > 0
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.21 / kept.size)
    for a, b in (
        (kept[0], kept[1]),
        (kept[1], kept[2]),
        (kept[0, 1:], kept[0, :-1]),
        (kept[0, :, 1:], kept[0, :, :-1]),
    ):
        assert abs(np.mean(a == b) - 0.58) < 5 * 0.5 / np.sqrt(a.size)


def test_uniform_numbers_are_uniform_and_below_one() -> None:
    numbers = uniform_of(tf.range(100_000), seed=3).numpy()
    assert numbers.min() >= 0 and numbers.max() < 1
    counts = np.histogram(numbers, 20, (0, 1))[0]
    assert np.abs(counts - 5000).max() < 5 * np.sqrt(5000)


def test_uniform_numbers_depend_on_all_arguments_and_are_the_same_wherever_they_are_drawn() -> None:
    sequences, tokens, kinds = tf.range(8)[:, None, None], tf.range(50)[:, None], tf.range(4)
    drawn = uniform_of(sequences, tokens, kinds, seed=5).numpy()
    assert drawn.shape == (8, 50, 4) and len(np.unique(drawn)) > 0.999 * drawn.size
    assert drawn[3, 7, 2] == uniform_of(tf.constant(3), tf.constant(7), tf.constant(2), seed=5).numpy()
    np.testing.assert_array_equal(drawn[..., 0], uniform_of(sequences[..., 0], tokens[:, 0], seed=5))
    assert np.mean(drawn == uniform_of(sequences, tokens, kinds, seed=6)) < 0.001


def test_places_of_sequences_have_numbers_of_their_own() -> None:
    numbers = number_of(tf.range(300)[:, None], tf.range(300)).numpy()
    assert len(np.unique(numbers)) == numbers.size
    drawn = uniform_of(numbers, seed=1).numpy()
    for a, b in ((drawn[1:], drawn[:-1]), (drawn[:, 1:], drawn[:, :-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size)


def test_numbers_are_those_that_saved_runs_were_trained_with() -> None:
    """A resumed run must draw the masks it was started with."""
    drawn = uniform_of(tf.range(3)[:, None], tf.range(2), seed=7).numpy() * 2**24
    assert drawn.astype(int).tolist() == [[5549290, 5521248], [3989132, 11516246], [9942942, 2813393]]
    assert number_of(tf.constant(-2), tf.constant(9)).numpy() == -2 * 0x2545F49 + 9
