"""The network that answers questions about pictures."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from common.layers.embeddings import SumEmbedding
from common.layers.pictures import PictureEncoder
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.questions import ROUNDED, AnsweringNetwork, QuestionWindows
from common.streams import Sequences, Stream

LENGTHS, PICTURE = np.array([3, 5, 2, 4, 6, 1]), np.array([0, 0, 1, 1, 2, 2])


def stream(window: int) -> Stream:
    draw = np.random.default_rng(0)
    steps, pictures = LENGTHS.sum(), draw.integers(0, 255, (3, 16, 16, 3)).astype(np.uint8)
    weights = np.zeros(steps, np.float32)
    weights[np.cumsum(LENGTHS) - 1] = 1
    windows = QuestionWindows(pictures)
    return Stream(
        Sequences(
            LENGTHS,
            {"tokens": draw.integers(2, 9, (steps, 1)).astype(np.int32)},
            targets=np.zeros(steps, np.int32),
            weights=weights,
            per_sequence={"picture": PICTURE},
            varying=windows.varying,
            expand=windows.expand,
            sparse_outputs=True,
        ),
        2,
        window,
    )


@pytest.fixture(scope="module")
def network() -> AnsweringNetwork:
    encoder = PictureEncoder(16, 6, seed=1)
    embed = SumEmbedding((9,), 4, seed=2)
    network = AnsweringNetwork(embed, RecurrentStack("gru", 5, seed=3), Readout("last"), encoder=encoder, answers=4)
    network.build()
    return network


def outputs(network: AnsweringNetwork, stream: Stream) -> np.ndarray:
    """The answer to each question, window after window, with the state carried."""
    state, found = None, []
    for window in range(stream.windows()):
        inputs, *_ = stream.window_at(0, window)
        inputs = {name: tf.constant(values) for name, values in inputs.items()}
        assert len(inputs["pictures"]) % ROUNDED == 0
        answers, state = network(inputs, state=state)
        found.append(answers.numpy())
    return stream.at_output_steps(np.concatenate(found))


def test_windows_of_any_width_give_the_same_answers(network: AnsweringNetwork) -> None:
    whole, parts = (outputs(network, stream(window)) for window in (21, 3))
    assert whole.shape == (len(LENGTHS), 4)
    np.testing.assert_allclose(whole, parts, rtol=1e-4)


def test_the_answer_depends_on_picture_and_question(network: AnsweringNetwork) -> None:
    draw = np.random.default_rng(1)
    asked, grid = draw.normal(size=(1, 2, 5)).astype(np.float32), draw.normal(size=(2, 4, 6)).astype(np.float32)
    weights, query = network.looked(asked, grid, np.array([[0, 1]]))
    _, moved = network.looked(asked, grid, np.array([[1, 1]]))
    assert len(weights) == 2
    np.testing.assert_allclose([one.numpy().sum(1) for one in weights], 1, rtol=1e-5)
    assert np.abs(query[0, 0] - moved[0, 0]).max() > 1e-3
    np.testing.assert_allclose(query[0, 1], moved[0, 1], rtol=1e-5)


def test_it_is_made_again_from_its_configuration(network: AnsweringNetwork) -> None:
    again = AnsweringNetwork.from_config(network.get_config())
    again.build()
    assert [w.shape for w in again.weights] == [w.shape for w in network.weights]
