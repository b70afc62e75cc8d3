"""A captioner of raw pictures: decoding, a `CaptionNetwork` and a beam search in one graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from common.decoding.loops import NEVER, Decoded, Next
from common.decoding.sampling import TEMPERATURE, TOP_P, sample
from common.decoding.search import beam as beam_search
from common.layers.pictures import opened, resized
from common.networks.captions import CaptionNetwork
from common.networks.writing import Memory
from common.text.captions import END, SPECIALS, START

WORDS = ("pictures", "words")
AXES = {"words": WORDS, "attention": (*WORDS, "rows", "columns")}
"""The names of axes of unknown size, by output, see `common.serving.export.Endpoint`."""

SAMPLING = [tf.TensorSpec([None], tf.int32, "seed"), TEMPERATURE, TOP_P]
"""The inputs that say how captions are drawn."""


class Captioner:
    """Functions from pictures to captions.

    Args:
        network: The network.
        words: The text of each token; those that are no words have none.
        beam: Hypotheses that the search keeps.
        length_power: Power of the length by which log-probabilities of hypotheses are divided.
        longest: Maximum number of tokens of a caption, its end included.
        between: What stands between two words.
    """

    def __init__(
        self,
        network: CaptionNetwork,
        words: Sequence[str],
        *,
        beam: int,
        length_power: float,
        longest: int,
        between: str = " ",
    ) -> None:
        self.network = network
        self.words = list(words)
        self.beam = beam
        self.length_power = length_power
        self.longest = longest
        self.between = between
        own = network.encoder.spec
        self._search = tf.function(self._searched, input_signature=[own], autograph=False)
        self._sample = tf.function(self._sampled, input_signature=[own, *SAMPLING], autograph=False)

    def of_files(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """The captions of pictures in files' bytes, PNG, JPEG, BMP or GIF, string `[N]`; as `of_pixels`."""
        return self._search(opened(image, self.network.encoder.size))

    def of_pixels(self, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        """The captions of pictures.

        Args:
            pixels: uint8 `[N, height, width, 3]`.

        Returns:
            `caption`, string `[N]`; `words`, string `[N, words]`, with empty strings behind the last; the
            `log_probability` of the words and the end, `[N]`; and `attention`, the weight of each cell of the grid when
            a word was written, `[N, words, rows, columns]`, zeros without attention.
        """
        return self._search(resized(pixels, self.network.encoder.size))

    def of_features(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """The captions of pictures whose features are given, as `features` says; returns are those of `of_pixels`."""
        return self._search(self._on_grid(features))

    @property
    def features(self) -> tf.TensorSpec:
        """The features that it takes: `[N, width]`, `[N, regions, width]` or `[N, rows, columns, width]`."""
        rows, columns, width = self.network.encoder.shape
        of_one = [rows, columns, width] if columns > 1 else [None, width] if rows > 1 else [width]
        return tf.TensorSpec([None, *of_one], tf.float32, "features")

    def _on_grid(self, features: tf.Tensor) -> tf.Tensor:
        """Features `[N, rows, columns, width]`, with zeros behind the last region."""
        rows, columns, width = self.network.encoder.shape
        if columns == 1 and rows > 1:
            regions = tf.shape(features)[1]
            fits = tf.debugging.assert_less_equal(regions, rows, f"a picture may have {rows} regions")
            with tf.control_dependencies([fits]):
                features = tf.pad(features, [[0, 0], [0, rows - regions], [0, 0]])
        return tf.reshape(features, (-1, rows, columns, width))

    def sampled(self, pixels: tf.Tensor, seed: tf.Tensor, *how: tf.Tensor) -> dict[str, tf.Tensor]:
        """Captions drawn at random; returns are those of `of_pixels`.

        Args:
            pixels: uint8 `[N, height, width, 3]`.
            seed: Fixes what is drawn of each picture, int32 `[N]`.
            how: The temperature, and the probability that the words which may be drawn have together; see
                `common.decoding.sampling.sample`.
        """
        return self._sample(resized(pixels, self.network.encoder.size), seed, *how)

    def sampled_of_features(self, features: tf.Tensor, seed: tf.Tensor, *how: tf.Tensor) -> dict[str, tf.Tensor]:
        """Captions drawn at random of pictures whose features are given; arguments are those of `sampled`."""
        return self._sample(self._on_grid(features), seed, *how)

    def _searched(self, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        following, state = self._model(pixels, self.beam)
        power = self.length_power if self.beam > 1 else 0.0  # One hypothesis is greedy: the first end counts.
        limits = {"start": START, "end": END, "longest": self.longest}
        return self._answer(beam_search(following, state, width=self.beam, alpha=power, best=1, **limits), power)

    def _sampled(self, pixels: tf.Tensor, *given: tf.Tensor) -> dict[str, tf.Tensor]:
        how = dict(zip(("seed", "temperature", "top_p"), given, strict=True))
        following, state = self._model(pixels, 1)
        return self._answer(sample(following, state, start=START, end=END, longest=self.longest, **how))

    def _model(self, pixels: tf.Tensor, copies: int) -> tuple[Next, Any]:
        """The model of the next token, and its first state, for each picture; the memory is there in copies."""
        memory, state = self.network.read(pixels)
        memory = Memory(*(None if x is None else tf.repeat(x, copies, 0) for x in memory))
        never = tf.where((tf.range(len(self.words)) < SPECIALS) & (tf.range(len(self.words)) != END), NEVER, 0.0)

        def following(tokens: tf.Tensor, state: Any) -> tuple:
            log_probabilities, state, weights = self.network.next(tokens, state, memory)
            return log_probabilities + never, state, weights

        return following, state

    def _answer(self, found: Decoded, power: float = 0.0) -> dict[str, tf.Tensor]:
        """The outputs, of hypotheses whose scores are divided by that power of their length."""
        lengths = found.lengths[:, 0]
        most = tf.reduce_max(tf.pad(lengths, [[0, 1]]))
        real = tf.sequence_mask(lengths, most)
        words = tf.where(real, tf.gather(tf.constant(self.words), found.tokens[:, 0, :most]), "")
        written = tf.ragged.boolean_mask(words, real)
        weights = tf.where(real[..., None], found.extras[:, 0, :most], 0.0)
        grid = self.network.encoder.rows, self.network.encoder.columns
        if self.network.attention is None:
            weights = tf.zeros((*tf.unstack(tf.shape(words)), self.network.cells))
        made = tf.cast(tf.minimum(lengths + 1, self.longest), tf.float32)
        return {
            "caption": tf.strings.reduce_join(written, axis=1, separator=self.between),
            "words": words,
            "log_probability": found.scores[:, 0] * made**power,
            "attention": tf.reshape(weights, tf.concat([tf.shape(words), grid], 0)),
        }
