"""A network that answers questions about pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from common.cells.seeds import seed_for
from common.layers.attention import AdditiveAttention
from common.layers.base import dense, register, shape_of
from common.layers.dropout import VariationalDropout
from common.layers.pictures import opened, resized
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.inside import TOKENS, inside
from common.networks.network import Network, Part
from common.networks.whole import whole_window
from common.streams.sequences import Inputs

ROUNDED = 16
"""What the number of pictures of a window is rounded up to, so that windows have few shapes."""


@dataclass(frozen=True)
class QuestionWindows:
    """Gives parts of windows the pictures of their questions.

    Attributes:
        pictures: All pictures, `[pictures, ...]`.
    """

    pictures: np.ndarray
    varying = ("pictures",)

    def expand(self, inputs: Inputs, targets: np.ndarray) -> tuple[Inputs, np.ndarray]:
        """Adds the pictures of a part of a window, for `Sequences.expand`.

        Returns:
            The inputs without `picture` and `row_of_sequence`, and with `pictures`, those that have an answer in the
            part, each once, `[rows, ...]`; and `row_of_output`, the row of the picture of each answer, int32
            `[lanes, slots]`.
        """
        inputs = dict(inputs)
        of_step = inputs.pop("picture")[inputs.pop("row_of_sequence")]
        of_output = np.take_along_axis(of_step, inputs["output_steps"], 1)
        numbers, rows = np.unique(of_output, return_inverse=True)
        if not len(numbers):
            numbers = np.zeros(1, np.int64)
        numbers = np.pad(numbers, (0, -len(numbers) % ROUNDED), mode="edge")
        inputs |= {"pictures": self.pictures[numbers], "row_of_output": rows.reshape(of_output.shape).astype(np.int32)}
        return inputs, targets


@register
class AnsweringNetwork(Network):
    """A recurrence reads the question, and attention that it steers looks at the picture, several times.

    Stacked attention (Yang et al. 2016, "Stacked Attention Networks for Image Question Answering", section 3.3): the
    first query is what the recurrence says of the question; each look adds what it saw to the query of the next. The
    answer is read off the last query, and off the product of the question with what was seen last (Antol et al. 2015,
    "VQA: Visual Question Answering", section 4): a sum alone says little of whether both agree.

    Args:
        embed: From the window to the vectors of words, `[batch, time, width]`; has a `width`.
        stack: The recurrences that read the question.
        readout: What of their hidden states is the question.
        encoder: From pictures to grids, `[pictures, cells, width]`; has `rows`, `columns` and `width`.
        answers: The number of answers.
        looks: How many times it looks.
        hidden: Width of the layer between the last query and the answers.
        dropout: Share of the words' vectors and of the last query dropped in training, variational.
        seed: Fixes initial weights and masks.

    Call arguments: those of `Network`; a window also holds what `QuestionWindows` adds.

    Returns:
        The probability of each answer at the ends of questions, `[batch, slots, answers]`; and the state.
    """

    def __init__(
        self,
        embed: keras.layers.Layer,
        stack: RecurrentStack,
        readout: Readout,
        *,
        encoder: keras.layers.Layer,
        answers: int,
        looks: int = 2,
        hidden: int = 128,
        dropout: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # The state keeps its type.
        self.embed = embed
        self.stack = stack
        self.readout = readout
        self.encoder = encoder
        self.answers = answers
        self.looks = looks
        self.hidden = hidden
        self.dropout = dropout
        self.seed = seed
        self.question = dense(encoder.width, seed=seed_for(seed, "question"), activation="tanh", name="question")
        self.attentions = [
            AdditiveAttention(encoder.width, seed_for(seed, f"look {n}"), name=f"look_{n}") for n in range(looks)
        ]
        self.between = dense(hidden, seed=seed_for(seed, "between"), activation="relu", name="between")
        self.outputs = dense(answers, seed=seed_for(seed, "answers"), activation="softmax", name="answers")
        self.masking = VariationalDropout(dropout, seed_for(seed, "words"))
        self.last_masking = VariationalDropout(dropout, seed_for(seed, "query"))

    def build(self, window_shape: Any = None) -> None:
        width = self.encoder.width
        for layer, shapes in self._shapes(width):
            if not layer.built:  # One made from a saved configuration is.
                layer.build(*shapes)

    def _shapes(self, width: int) -> Iterator[tuple[keras.layers.Layer, tuple]]:
        """The layers, each with the shapes of what it reads, which a layer before it may only know once it is built."""
        yield self.encoder, ()
        yield self.embed, ((None, None, None),)
        yield self.stack, ((None, None, self.embed.width),)
        yield self.readout, ((None, None, self.stack.width),)
        yield self.question, ((None, self.readout.width),)
        yield from ((attention, ((None, 1, width), (None, None, width))) for attention in self.attentions)
        yield self.between, ((None, 2 * width),)
        yield self.outputs, ((None, self.hidden),)

    def initial_state(self, batch_size: int | tf.Tensor) -> tuple:
        return self.stack.initial_state(batch_size), self.readout.initial_state(batch_size)

    def features(self, window: Part, training: bool = False) -> tf.Tensor:
        return self.embed(window, training=training)

    def call(self, window: Part, state: tuple | None = None, training: bool = False) -> tuple[tf.Tensor, tuple]:
        query, sequence, after = self.asked(window, state, training=training)
        _, outputs = self.looked(query, self.encoder(window["pictures"]), window["row_of_output"])
        outputs = self.last_masking(outputs, sequence=sequence, training=training)
        return self.outputs(self.between(outputs)), after

    def asked(
        self, window: Part, state: tuple | None = None, *, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor, tuple]:
        """What the recurrence says at the ends of questions, `[batch, slots, width]`, their numbers, and the state."""
        keep, sequence, at = (window[name] for name in ("keep", "sequence", "output_steps"))
        stack_state, readout_state = state or self.initial_state(tf.shape(keep)[0])
        x = self.masking(self.features(window, training), sequence=sequence, training=training)
        x, stack_state = self.stack(x, state=stack_state, keep=keep, sequence=sequence, training=training)
        x, readout_state = self.readout(x, keep=keep, state=readout_state)
        return (
            tf.gather(x, at, batch_dims=1),
            tf.gather(sequence, at, batch_dims=1),
            (stack_state, readout_state),
        )

    def looked(self, asked: tf.Tensor, grid: tf.Tensor, rows: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Looks at pictures.

        Args:
            asked: What the recurrence says of questions, `[batch, slots, width]`.
            grid: The grids of pictures, `[pictures, cells, width]`.
            rows: The picture of each question, int32 `[batch, slots]`.

        Returns:
            The weights of each look, `[batch * slots, cells]`, and what answers are read off,
            `[batch, slots, 2 * width]`.
        """
        batch, slots = shape_of(rows)
        query = question = self.question(tf.reshape(asked, (-1, self.readout.width)))
        flat = tf.reshape(rows, [-1])
        memory, weights = tf.gather(grid, flat), []
        for attention in self.attentions:
            keys = tf.gather(attention.keys(grid), flat)
            seen, looked = attention(query[:, None], memory, keys=keys)
            query += seen[:, 0]
            weights.append(looked[:, 0])
        both = tf.concat([query, question * seen[:, 0]], 1)
        return weights, tf.reshape(both, (batch, slots, 2 * self.encoder.width))


class Answerer:
    """Functions from raw pictures and questions to answers.

    Args:
        network: The network.
        split: From questions, string `[N]`, to the names of their tokens, string `[N, (tokens)]`.
        encode: From questions to the numbers of their tokens, int32 `[N, (tokens), 1]`.
        answers: The names of the answers.
        size: Pixels of a side of the pictures that the network reads.
    """

    QUESTION = tf.TensorSpec([None], tf.string, "question")

    def __init__(
        self,
        network: AnsweringNetwork,
        split: Callable[[tf.Tensor], tf.RaggedTensor],
        encode: Callable[[tf.Tensor], tf.RaggedTensor],
        *,
        answers: Sequence[str],
        size: int,
    ) -> None:
        self.network = network
        self.split = split
        self.encode = encode
        self.answers = tf.constant(list(answers))
        self.size = size

    def of_files(self, image: tf.Tensor, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """The answers for pictures in files' bytes, PNG, JPEG, BMP or GIF, string `[N]`; see `of_pixels`."""
        return self._answered(opened(image, self.size), question)

    def of_pixels(self, pixels: tf.Tensor, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """The answers to questions about pictures.

        Args:
            pixels: uint8 `[N, height, width, 3]`.
            question: string `[N]`.

        Returns:
            `answer`, string `[N]`; the `probability` of each answer, `[N, answers]`; and `attention`, the weight of
            each cell of the picture at each look, `[N, looks, rows, columns]`.
        """
        return self._answered(resized(pixels, self.size), question)

    def inside(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """The `tokens` of questions, and what is inside the network after each, see `common.networks.inside`."""
        window, lengths = self._window(question)
        tokens = self.split(question).to_tensor("", shape=tf.shape(window["keep"]))
        return {TOKENS: tokens} | inside(self.network.stack, self.network.features(window), lengths)

    def _window(self, question: tf.Tensor) -> tuple[Part, tf.Tensor]:
        """The window of questions, and their lengths."""
        numbers = self.encode(question)
        lengths = tf.cast(numbers.row_lengths(), tf.int32)
        steps = tf.maximum(tf.reduce_max(lengths), 1)  # A recurrence has one step or more.
        tokens = numbers.to_tensor(shape=tf.stack([tf.shape(question)[0], steps, 1]))
        return whole_window({"tokens": tokens}, tf.maximum(lengths, 1), outputs_at_end=True), lengths

    def _answered(self, pixels: tf.Tensor, question: tf.Tensor) -> dict[str, tf.Tensor]:
        window, _ = self._window(question)
        asked, _, _ = self.network.asked(window)
        rows = tf.range(tf.shape(question)[0])[:, None]
        weights, query = self.network.looked(asked, self.network.encoder(pixels), rows)
        probability = self.network.outputs(self.network.between(query))[:, 0]
        encoder = self.network.encoder
        return {
            "answer": tf.gather(self.answers, tf.argmax(probability, 1)),
            "probability": probability,
            "attention": tf.reshape(tf.stack(weights, 1), (-1, self.network.looks, encoder.rows, encoder.columns)),
        }
