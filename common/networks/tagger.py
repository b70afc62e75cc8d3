"""A tagger of raw words and texts, with everything that it needs inside the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from common.layers.crf import CRFHead
from common.networks.contextual import ContextReader
from common.networks.inside import TOKENS, inside
from common.networks.network import Part
from common.networks.spelling import spelled
from common.networks.stepping import flattened, restored, walked
from common.networks.stream import StreamNetwork
from common.networks.whole import keep_of_whole, whole_window
from common.streams import Sequences
from common.streams.batches import batches
from common.text.canonical import composed
from common.text.vocabularies import WordEncoder
from common.text.words import tokens as split

WORDS = tf.TensorSpec([None, None], tf.string, "tokens")
AXES = dict.fromkeys(("tokens", "tags", "probability", "seen"), ("texts", "words"))
"""The names of the axes, see `common.serving.export.Endpoint`."""
STREAM_AXES = AXES | {"state": ("texts", "numbers")}


class Read(NamedTuple):
    """What has been read of texts.

    Attributes:
        network: The state of the network.
        many: The number of words, int32 `[N, 1]`.
    """

    network: Any
    many: tf.Tensor


class Tagger:
    """A trained network with its vocabularies.

    Args:
        network: A network that reads the inputs of `SpelledEmbedding`.
        encoder: The encoder of words and their characters.
        tags: Names of the tags, in the order of the network's outputs.
        split_endings: Whether English endings are words of their own.
        context: Reads words in their context, if the network reads that.

    Attributes:
        tag: Tags words, see `_tag`; one graph, which the tagging of texts uses too.
    """

    def __init__(
        self,
        network: StreamNetwork,
        encoder: WordEncoder,
        tags: Sequence[str],
        *,
        split_endings: bool,
        context: ContextReader | None = None,
    ) -> None:
        self.network = network
        self.encoder = encoder
        self.names = tf.constant(tags)
        self.split_endings = split_endings
        self.context = context
        self.tag = tf.function(self._tag, input_signature=[WORDS], autograph=False)

    def _tag(self, tokens: tf.Tensor) -> dict[str, tf.Tensor]:
        """Tags words.

        Args:
            tokens: string `[N, words]`, padded with empty strings; canonically equal ones have equal answers.

        Returns:
            `tags`, their `probability`, and whether the training texts hold each word (`seen`), `[N, words]`.
        """
        words = tf.shape(tokens)[1]
        tokens = tf.reshape(composed(tf.reshape(tokens, [-1])), tf.shape(tokens))
        tokens = tf.pad(tokens, [[0, 0], [0, tf.cast(words == 0, tf.int32)]])  # A recurrence has one step or more.
        places = tf.range(tf.shape(tokens)[1])
        lengths = tf.reduce_max(tf.where(tokens == "", 0, places + 1), 1)
        window = self.window(tokens, lengths)
        outputs, _ = self.network(window, training=False)
        if isinstance(self.network.head, CRFHead):
            best, probability = self.network.head.decode(outputs[..., :-1], window["keep"])
        else:
            best, probability = tf.argmax(outputs, 2), tf.reduce_max(outputs, 2)
        inside = places < lengths[:, None]
        answer = {
            "tags": tf.where(inside, tf.gather(self.names, best), ""),
            "probability": tf.where(inside, probability, 0.0),
            "seen": self.encoder.seen(tokens),
        }
        return {name: value[:, :words] for name, value in answer.items()}

    def tag_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Splits texts, string `[N]`, into `tokens` in composed form and tags these."""
        found = split(composed(text), self.split_endings)
        tokens = found.to_tensor("")
        return {"tokens": tokens} | self.tag(tokens)

    def stream(self, text: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        """Tags the next chunk of texts by what has been read alone, with a network that reads forward only.

        A tag is the most probable one given the words so far. With a CRF this is the filtered tag of its forward
        algorithm, so later words change none; `tag` chooses the best sequence of tags when all words are there.

        Args:
            text: string `[N]`. A chunk ends where a blank is.
            state: From the chunk before, `[N, numbers]`, or `[N, 0]` before a text.

        Returns:
            `tokens`, `tags`, their `probability` and `seen`, `[N, words]`, as `tag_text`; and `state`.
        """
        found = split(composed(text), self.split_endings)
        rows, lengths = tf.shape(text)[0], tf.cast(found.row_lengths(), tf.int32)
        steps = tf.reduce_max(tf.pad(lengths, [[0, 1]], constant_values=1))
        tokens = found.to_tensor("", shape=tf.stack([rows, steps]))
        read = restored(state, Read(self.network.initial_state(rows), tf.zeros((rows, 1), tf.int32)))
        features = self.network.features(self.window(tokens, lengths))  # [N, words, width]
        filtered = isinstance(self.network.head, CRFHead)

        def step(t: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
            keep = tf.cast(read.many + t > 0, tf.float32)
            window = {"keep": keep, "sequence": tf.zeros_like(keep, tf.int32)}
            outputs, after = self.network.after_features(features[:, t, None], window, state)
            return (after[1][0] if filtered else outputs[:, 0]), after

        shares, network = walked(step, read.network, lengths, like=tf.zeros((rows, len(self.names))))
        inside = tf.sequence_mask(lengths, steps)
        return {
            "tokens": tokens,
            "tags": tf.where(inside, tf.gather(self.names, tf.argmax(shares, 2)), ""),
            "probability": tf.where(inside, tf.reduce_max(shares, 2), 0.0),
            "seen": self.encoder.seen(tokens),
            "state": flattened(Read(network, read.many + lengths[:, None])),
        }

    def inside(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The words of texts, string `[N]`, as `tokens`, and what is inside the network after each, see `inside`."""
        found = split(composed(text), self.split_endings)
        lengths = tf.cast(found.row_lengths(), tf.int32)
        steps = tf.maximum(tf.reduce_max(lengths), 1)  # A recurrence has one step or more.
        tokens = found.to_tensor("", shape=tf.stack([tf.shape(text)[0], steps]))
        features = self.network.features(self.window(tokens, lengths))
        return {TOKENS: tokens} | inside(self.network.stack, features, lengths)

    def window(self, tokens: tf.Tensor, lengths: tf.Tensor) -> Part:
        """The inputs of the network for whole sentences, one per row, `[N, words]`."""
        inputs = {"words": self.encoder.words(tokens)}
        distinct, number = tf.unique(tf.reshape(tokens, [-1]))
        number = tf.reshape(number, tf.shape(tokens))
        if self.network.embed.affixes:
            inputs["affixes"] = tf.gather(self.encoder.affixes(distinct), number)
        window = whole_window(inputs, lengths)
        if self.network.embed.characters:
            window |= spelled(self.encoder.letters(distinct), number)
        if self.context is not None:
            window["context"] = self.context(tokens, lengths)
        return window


def best_tags(head: CRFHead, outputs: np.ndarray, sequences: Sequences) -> np.ndarray:
    """Viterbi over whole sentences, in batches of like length.

    Args:
        head: The head that decodes.
        outputs: The outputs of the head at each step, `[steps, tags + 1]`.
        sequences: The sentences that the steps belong to.

    Returns:
        The number of the tag of each step, int32 `[steps]`.
    """
    decode = tf.function(head.decode, autograph=False, reduce_retracing=True)
    numbers = np.zeros(len(outputs), np.int32)
    for chosen in batches(sequences.lengths.tolist(), what="decoding"):
        lengths, offsets = sequences.lengths[chosen], sequences.offsets[chosen]
        places = np.arange(lengths.max())
        inside = places < lengths[:, None]
        at = np.where(inside, offsets[:, None] + places, 0)  # [sentences, words]
        tags, _ = decode(tf.constant(outputs[at][..., :-1]), keep_of_whole(tf.constant(lengths), len(places)))
        numbers[at[inside]] = tags.numpy()[inside]
    return numbers
