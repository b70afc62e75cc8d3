"""A classifier of texts that are still being read: a class after each token, from a state and to a state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from common.networks.both_ways import BACKWARD, turned_rows
from common.networks.inside import TOKENS, inside
from common.networks.joined import JoinedNetwork
from common.networks.network import Network, Part
from common.networks.stepping import flattened, restored, walked
from common.networks.whole import whole_window
from common.text.levels import Encoder

AXES = {"state": ("texts", "numbers"), "tokens": ("texts", "tokens"), "label": ("texts", "tokens")}
AXES |= {"probability": ("texts", "tokens", "classes")}
"""The names of the axes, see `common.serving.export.Endpoint`."""


class Read(NamedTuple):
    """What has been read of texts.

    Attributes:
        network: The state of the network, and of its linear part if it has one.
        last: The numbers of the last tokens, int32 `[N, last]`.
        many: The number of tokens, int32 `[N, 1]`.
    """

    network: Any
    last: tf.Tensor
    many: tf.Tensor


class ReadingClassifier:
    """Classes of texts after each of their tokens: what the answer would be if the text ended there.

    Args:
        network: The network. It reads forward only where `stream` is used.
        encoder: The encoder of texts.
        labels: Names of the classes.
        joined: Whether the network answers together with its linear part.
    """

    def __init__(
        self, network: Network | JoinedNetwork, encoder: Encoder, labels: Sequence[str], *, joined: bool
    ) -> None:
        self.network = network
        self.answer = network.joined if joined else network
        self.initial_state = network.initial_joined_state if joined else network.initial_state
        self.encoder = encoder
        self.labels = tf.constant(labels)

    def stream(self, text: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        """Reads the next chunk of texts.

        Args:
            text: string `[N]`. A chunk ends where a word does; the blank after it belongs to the next.
            state: From the chunk before, `[N, numbers]`, or `[N, 0]` before a text.

        Returns:
            `tokens` `[N, tokens]`, empty strings behind a row's last; the `label` after each, and the `probability` of
            each class, `[N, tokens, classes]`; and `state`.
        """
        rows = tf.shape(text)[0]
        start = Read(
            self.initial_state(rows),
            tf.zeros((rows, self.encoder.longest - 1), tf.int32),
            tf.zeros((rows, 1), tf.int32),
        )
        read = restored(state, start)
        chunk = self.encoder.chunk(text, read.last, read.many[:, 0] > 0)
        lengths = tf.cast(chunk.tokens.row_lengths(), tf.int32)
        steps = tf.reduce_max(tf.pad(lengths, [[0, 1]], constant_values=1))
        shape = tf.stack([rows, steps, self.encoder.longest])
        numbers, ends = (one.to_tensor(shape=shape) for one in (chunk.numbers, chunk.ends))

        def step(t: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
            keep = tf.cast(read.many + t > 0, tf.float32)  # [N, 1]
            _, after = self.answer(_window(numbers[:, t, None], keep), state)
            found, _ = self.answer(_window(ends[:, t, None], tf.ones_like(keep)), after)
            return found[:, 0], after

        like = tf.zeros((rows, len(self.labels)))
        probability, network = walked(step, read.network, lengths, like=like)
        inside = tf.sequence_mask(lengths, steps)
        label = tf.gather(self.labels, tf.argmax(probability, 2))
        return {
            "tokens": chunk.tokens.to_tensor("", shape=tf.stack([rows, steps])),
            "label": tf.where(inside, label, ""),
            "probability": tf.where(inside[..., None], probability, 0.0),
            "state": flattened(Read(network, chunk.last, read.many + lengths[:, None])),
        }

    def inside(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The `tokens` of texts, string `[N]`, and what is inside the network after each, see `inside`."""
        rows, last = tf.shape(text)[0], self.encoder.longest - 1
        chunk = self.encoder.chunk(text, tf.zeros(tf.stack([rows, last]), tf.int32), tf.zeros([rows], tf.bool))
        lengths = tf.cast(chunk.tokens.row_lengths(), tf.int32)
        steps = tf.maximum(tf.reduce_max(lengths), 1)  # A recurrence has one step or more.
        numbers = chunk.numbers.to_tensor(shape=tf.stack([rows, steps, self.encoder.longest]))
        features = self.network.features(_window(numbers, tf.ones(tf.stack([rows, steps]))))
        tokens = chunk.tokens.to_tensor("", shape=tf.stack([rows, steps]))
        return {TOKENS: tokens} | inside(self.network.stack, features, lengths)


def whole_texts(tokens: tf.RaggedTensor, *, both_ways: bool) -> Part:
    """The window of whole texts, one in each row, with outputs at their ends.

    Args:
        tokens: Their numbers, int32 `[N, (tokens), lengths]`.
        both_ways: Whether a `BothWays` reads them.
    """
    lengths = tokens.row_lengths()
    longest = tf.maximum(tf.reduce_max(lengths), 1)
    rows = tokens.to_tensor(shape=tf.stack([tokens.nrows(), longest, tokens.shape[2]]))  # [N, time, lengths]
    inputs = {"tokens": rows} | ({BACKWARD: turned_rows(rows, lengths)} if both_ways else {})
    return whole_window(inputs, lengths, outputs_at_end=True)


def _window(numbers: tf.Tensor, keep: tf.Tensor) -> dict[str, tf.Tensor]:
    """Steps of each text."""
    return {"tokens": numbers, "keep": keep, "sequence": tf.zeros(tf.shape(keep), tf.int32)}
