"""Captioners over packed windows: each picture once, each caption from its own, as one caption alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.layers.attention import MultiplicativeAttention
from common.layers.hard_attention import HardAttention
from common.layers.pictures import PictureEncoder
from common.layers.stack import RecurrentStack
from common.networks.captions import CaptionNetwork
from common.networks.picture_windows import PictureWindows, shifted
from common.streams import Stream
from common.text.captions import END, START

DRAW = np.random.default_rng(0)
PICTURES = DRAW.integers(0, 255, (3, 20, 20, 3), np.uint8)
TEXTS = [DRAW.integers(4, 9, n) for n in (3, 5, 1, 4, 2, 6)]
OF = [0, 0, 2, 1, 2, 1]


def network(attention: str = "soft", **factors: float) -> CaptionNetwork:
    kinds = {"soft": MultiplicativeAttention, "hard": HardAttention}
    made = CaptionNetwork(
        9,
        6,
        encoder=PictureEncoder(20, 8, seed=1),
        decoder=RecurrentStack("lstm", 5, seed=2),
        upper=RecurrentStack("lstm", 5, seed=3),
        attention=kinds[attention](5, seed=4) if attention != "none" else None,
        **factors,
    )
    made.build()
    return made


def sequences():
    return PictureWindows(PICTURES, START, END).sequences(TEXTS, OF)


def alone(one: CaptionNetwork) -> np.ndarray:
    """The losses of each text, alone and whole."""
    found = []
    for text, picture in zip(TEXTS, OF):
        memory, state = one.read(tf.constant(PICTURES[picture : picture + 1]))
        tokens, reference = ([[START, *text]], [[*text, END]])
        found.append(one.losses_of(tf.constant(tokens), tf.constant(reference), memory=memory, state=state)[0])
    return np.concatenate(found)


@pytest.mark.parametrize("attention", ["soft", "hard", "none"])
@pytest.mark.parametrize(("lanes", "window"), [(2, 4), (3, 16)])
def test_packed_captions_have_the_losses_of_each_alone(attention: str, lanes: int, window: int) -> None:
    one = network(attention)
    stream, state, outputs = Stream(sequences(), lanes, window, shuffle=False), None, []
    for inputs, _, _ in stream.iterate():
        found, state = one({name: tf.constant(x) for name, x in inputs.items()}, state)
        outputs.append(found)
    np.testing.assert_allclose(stream.at_steps(np.concatenate(outputs))[:, 0], alone(one), rtol=1e-4)


def test_a_window_holds_each_picture_once() -> None:
    (inputs, targets, _), *_ = Stream(sequences(), 2, 32, shuffle=False).iterate()
    assert len(inputs["pictures"]) == 3 and inputs["row_of_step"].shape == targets.shape
    real = inputs["sequence"] >= 0
    steps = inputs["steps_of_picture"].ravel()[inputs["place_of_step"]]
    np.testing.assert_array_equal(steps[real], np.arange(targets.size).reshape(targets.shape)[real])
    np.testing.assert_array_equal(
        inputs["pictures"][inputs["row_of_step"][0, 0]], PICTURES[OF[inputs["sequence"][0, 0]]]
    )
    assert inputs["ends"].sum() == len(TEXTS)


def test_few_shapes_change_no_loss() -> None:
    one, losses = network(), []
    for few in (False, True):
        windows = PictureWindows(PICTURES, START, END, few_shapes=few)
        (inputs, _, _), *_ = Stream(windows.sequences(TEXTS, OF), 2, 32, shuffle=False).iterate()
        assert len(inputs["pictures"]) == (8 if few else 3)
        losses.append(one({name: tf.constant(x) for name, x in inputs.items()})[0])
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_pictures_are_moved_once_a_pass_and_for_all_lanes_alike() -> None:
    stream = Stream(PictureWindows(PICTURES, START, END, moved=2, seed=5).sequences(TEXTS, OF), 2, 4)
    moves: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for epoch in range(3):
        for window in range(stream.windows(epoch)):
            for lanes in (slice(None), slice(0, 1), slice(1, 2)):
                inputs, _, _ = stream.window_at(epoch, window, lanes=lanes)
                for row, picture in zip(
                    inputs["row_of_step"].ravel(), np.array([*OF, -1])[inputs["sequence"].ravel() % 6]
                ):
                    if (inputs["sequence"].ravel() >= 0).all():
                        moves.setdefault((epoch, picture), set()).update(moves_of(inputs["pictures"][row], picture))
    assert all(len(found) == 1 for found in moves.values())
    assert len({one for found in moves.values() for one in found}) > 3


def moves_of(found: np.ndarray, picture: int) -> list[tuple[int, int]]:
    """By how many pixels a picture was moved."""
    inside = PICTURES[picture][2:-2, 2:-2]
    every = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    return [(y, x) for y, x in every if (found[2 + y : 18 + y, 2 + x : 18 + x] == inside).all()]


def test_what_a_moved_picture_uncovers_goes_on_as_its_border() -> None:
    picture = np.arange(6).reshape(2, 3, 1)
    assert shifted(picture, 0, 1)[..., 0].tolist() == [[0, 0, 1], [3, 3, 4]]
    assert shifted(picture, -1, -2)[..., 0].tolist() == [[5, 5, 5], [5, 5, 5]]


def test_the_penalty_is_that_of_whole_captions_in_any_windows() -> None:
    """The sum of the weights over a caption is carried from window to window."""
    plain, penalised, totals = network(), network(coverage=1.0), []
    penalised.set_weights(plain.get_weights())
    for window in (3, 32):
        total, states = 0.0, [None, None]
        for inputs, _, _ in Stream(sequences(), 2, window, shuffle=False).iterate():
            inputs = {name: tf.constant(x) for name, x in inputs.items()}
            more, states[0] = penalised(inputs, states[0], training=True)
            less, states[1] = plain(inputs, states[1], training=True)
            total += float(tf.reduce_sum((more - less)[..., 0]))
        totals.append(total)
    assert totals[0] == pytest.approx(totals[1], rel=1e-4) and totals[0] > 0


@pytest.mark.parametrize("few_shapes", [False, True])
def test_the_words_of_a_picture_are_predicted_from_its_summary(few_shapes: bool) -> None:
    plain, more = network(), network(mentions=2.0)
    shared = {weight.path: weight.numpy() for weight in plain.weights}
    for weight in more.weights:
        weight.assign(shared.get(weight.path, weight.numpy()))
    windows = PictureWindows(PICTURES, START, END, few_shapes=few_shapes)
    (inputs, _, _), *_ = Stream(windows.sequences(TEXTS, OF), 2, 32, shuffle=False).iterate()
    inputs = {name: tf.constant(x) for name, x in inputs.items()}
    found = (more(inputs, training=True)[0] - plain(inputs, training=True)[0])[..., 0].numpy()
    expected = np.zeros_like(found)
    for picture in range(3):
        words = {END, *(word for text, of in zip(TEXTS, OF) if of == picture for word in text)}
        summary = more.summarised(PICTURES[picture : picture + 1])
        probability = tf.sigmoid(more.mentioned(summary) @ tf.transpose(more.vectors.embeddings) - 3)[0].numpy()
        loss = -sum(np.log(probability[n] if n in words else 1 - probability[n]) for n in range(9))
        steps = (inputs["sequence"].numpy() >= 0) & (np.array([*OF, -1])[inputs["sequence"]] == picture)
        expected[steps] = 2 * loss / steps.sum()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(more(inputs)[0], plain(inputs)[0])


def test_attention_is_drawn_to_what_a_word_names() -> None:
    plain, drawn, totals = network(), network(look=2.0), []
    drawn.set_weights(plain.get_weights())
    where = np.zeros((3, 1, 9), np.uint8)
    where[:, 0, 4] = 1
    things = [np.append(1, np.zeros(len(text) - 1, int)) for text in TEXTS]
    of_things = PictureWindows(PICTURES, START, END, where=where).sequences(TEXTS, OF, things)
    for window in (3, 32):
        total, states, sums = 0.0, [None, None], 0.0
        for inputs, _, _ in Stream(of_things, 2, window, shuffle=False).iterate():
            inputs = {name: tf.constant(x) for name, x in inputs.items()}
            assert "thing" not in inputs
            sums += float(tf.reduce_sum(inputs["cells_of_thing"]))
            more, states[0] = drawn(inputs, states[0], training=True)
            less, states[1] = plain(inputs, states[1], training=True)
            total += float(tf.reduce_sum((more - less)[..., 0]))
        assert sums == len(TEXTS)
        totals.append(total)
    assert totals[0] == pytest.approx(totals[1], rel=1e-4)
    assert totals[0] == pytest.approx(2 * len(TEXTS) * np.log(9), rel=0.5)  # At first weights are about equal.


def test_what_hard_attention_draws_is_a_function_of_the_caption_and_the_step() -> None:
    one, found = network("hard"), []
    for window in (3, 32):
        stream, state, draws = Stream(sequences(), 2, window, shuffle=False), None, []
        for inputs, _, _ in stream.iterate():
            inputs = {name: tf.constant(x) for name, x in inputs.items()}
            seen = state.seen if state else one.initial_state(2).seen
            draws.append(np.stack(one._draws(inputs, seen), 2))
            _, state = one(inputs, state, training=True)
        found.append(stream.at_steps(np.concatenate(draws)))
    np.testing.assert_array_equal(*found)


def test_the_advantage_is_what_follows_in_the_caption_less_what_is_usual() -> None:
    one = network("hard")
    keep = np.array([[0, 1, 1, 0, 1, 0], [1, 1, 0, 1, 0, 1]], np.float32)
    first = np.array([[0, 0, 0, 3, 3, 5], [0, 0, 2, 2, 4, 4]], np.int32)
    window = {"keep": keep, "first_of_step": first, "sequence": np.array([[5, 5, 5, 6, 6, -1], [1, 1, 2, 2, 3, 3]])}
    window = {name: tf.constant(x) for name, x in window.items()}
    reward = tf.constant([[-1.0, -2, -3, -4, -5, -9], [-1, -1, -2, -2, -3, -3]])
    found, usual = one._advantage(reward, window, tf.constant([-1.0, 0.0]))
    np.testing.assert_allclose(found, [[-1.68, -2.4, -2, -5.8, -4, 0], [1.7, 1, 0, 0, -1.7, -1]], rtol=1e-5)
    np.testing.assert_allclose(usual, [0.9 * -1 + 0.1 * -3, -2], rtol=1e-6)


def test_it_is_made_again_from_its_configuration() -> None:
    one = network(coverage=0.5)
    again = CaptionNetwork.from_config(one.get_config())
    again.build()
    again.set_weights(one.get_weights())
    np.testing.assert_allclose(alone(again), alone(one), rtol=1e-6)


def test_features_of_a_picture_depend_on_no_other() -> None:
    encoder = PictureEncoder(20, 8)
    encoder.build()
    assert (encoder.rows, encoder.columns) == (3, 3) and keras.ops.shape(encoder(PICTURES)) == (3, 9, 8)
    np.testing.assert_allclose(encoder(PICTURES)[1:2], encoder(PICTURES[1:2]), atol=1e-5)
