"""A translator of raw texts: subwords, a `PairNetwork` and a beam search in one graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from common.decoding.copying import copying
from common.decoding.loops import Decoded
from common.decoding.search import beam as beam_search
from common.networks.inside import TOKENS, inside
from common.networks.pairs.network import PairNetwork
from common.options import WIDEST
from common.text.canonical import composed
from common.text.subwords import COPIES, END, START, Subwords

TEXT = tf.TensorSpec([None], tf.string, "text")
TRANSLATION = tf.TensorSpec([None], tf.string, "translation")
BEAM = tf.TensorSpec([], tf.int32, "beam")
RANGE = f"the width of the search must be 1 to {WIDEST}"
AXES = {
    "attention": {
        "source": ("texts", "source_steps"),
        "translation": ("texts", "steps"),
        "weights": ("texts", "steps", "source_steps"),
    }
}
"""The names of axes of unknown size, by signature and output, see `common.serving.export.Endpoint`."""
MOST = 1000
"""Maximum number of pieces of a translation, unless training saw longer ones."""
BLANK = r"[\s\v\pZ\p{Cf}]*"
"""Matches a text of blanks only: there is nothing to translate, and training never saw such a text."""
TAUGHT = 100
"""Minimum occurrences in training targets from which the decoder learns to write a numbered placeholder."""

Search = tuple[tf.Tensor, tf.RaggedTensor, tf.Tensor, Decoded]


class Translator:
    """Functions from texts to translations.

    Args:
        network: The network, which reads and writes ids of `subwords`.
        subwords: The subwords of both languages.
        copies: The numbered placeholders that attention copies; the network writes the others itself.
        beam: Hypotheses that the search keeps if a call gives no other number.
        length_power: Power of the length by which log-probabilities of hypotheses are divided.
        most: Maximum number of pieces of a translation, its end included, however long its source is.

    Attributes:
        functions: The functions for a saved model, by the names of their signatures: `serving_default`, `beam`,
            `attention` and `likelihood`. They share the graphs of one search and of one reader, which take seconds to
            trace.
    """

    def __init__(
        self,
        network: PairNetwork,
        *,
        subwords: Subwords,
        copies: range,
        beam: int,
        length_power: float,
        most: int = MOST,
    ) -> None:
        self.network = network
        self.subwords = subwords
        self.copies = copies
        self.beam = beam
        self.length_power = length_power
        self.most = most
        self._reading = tf.function(self._read, input_signature=[TEXT], autograph=False)
        self._search = tf.function(self._searched, input_signature=[TEXT, BEAM], autograph=False)
        self.functions = {
            name: tf.function(function, input_signature=inputs, autograph=False)
            for name, function, inputs in (
                ("serving_default", self._translate_by_default, [TEXT]),
                ("beam", self.translate, [TEXT, BEAM]),
                ("attention", self.attention, [TEXT, BEAM]),
                ("likelihood", self.likelihood, [TEXT, TRANSLATION]),
            )
        }

    def translate(self, text: tf.Tensor, beam: tf.Tensor) -> dict[str, tf.Tensor]:
        """The best translation of each text.

        Args:
            text: string `[N]`.
            beam: Hypotheses that the search keeps, int32, 1 to `WIDEST`.

        Returns:
            `translation`, string `[N]`; and `score`, the normalised log-probability, `[N]`.
        """
        ids, placeholders, tokens, found = self._search(text, beam)
        by_attention = tf.constant([n in self.copies for n in COPIES])
        written = self.subwords.decode(tokens, placeholders, self.subwords.spaced(ids) & by_attention)
        has_text = ~_is_blank(text)
        return {
            "translation": tf.where(has_text, written, ""),
            "score": tf.where(has_text, found.scores[:, 0], 0.0),
        }

    def _translate_by_default(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return self.translate(text, self.beam)

    def attention(self, text: tf.Tensor, beam: tf.Tensor) -> dict[str, tf.Tensor]:
        """The best translation of each text with the weights of attention.

        Args:
            text: string `[N]`.
            beam: Hypotheses that the search keeps, int32, 1 to `WIDEST`.

        Returns:
            `source`, string `[N, source steps]`, and `translation`, string `[N, steps]`: the text of each subword, then
            `<end>`, then empty strings; and `weights`, `[N, steps, source steps]`. The longest row has no empty string
            at its end.
        """
        ids, placeholders, tokens, found = self._search(text, beam)
        ends = tf.cast(tf.range(tf.shape(tokens)[1]) == found.lengths, tf.int32) * END
        has_text = ~_is_blank(text)[:, None]
        pieces = tf.where(has_text, self.subwords.pieces(tokens + ends, placeholders), "")
        weights = tf.where(has_text[:, None], found.extras[:, 0], 0.0)
        used = tf.where(tf.reduce_any(pieces != "", 0))[:, 0]  # The search may have made more steps than its best has.
        longest = tf.reduce_max(tf.concat([[0], tf.cast(used, tf.int32) + 1], 0))
        return {
            "source": self.subwords.pieces(ids, placeholders),
            "translation": pieces[:, :longest],
            "weights": weights[:, :longest],
        }

    def inside(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The subwords of texts, string `[N]`, as `tokens`, and what is inside the encoder after each, see `inside`."""
        ids, lengths, placeholders = self._read(text)
        found = inside(self.network.encoder, self.network.vectors(ids), lengths)
        return {TOKENS: self.subwords.pieces(ids, placeholders)} | found

    def likelihood(self, text: tf.Tensor, translation: tf.Tensor) -> dict[str, tf.Tensor]:
        """How likely translations are.

        Args:
            text: string `[N]`.
            translation: A translation of each text, string `[N]`.

        Returns:
            `log_probability`, `[N]`; and `tokens`, the number of subwords, int32 `[N]`; both include the end.
        """
        ids, lengths, placeholders = self._reading(text)
        reference, many = _ended(self.subwords.encode_with(composed(translation), placeholders))
        tokens = tf.concat([tf.fill([tf.shape(reference)[0], 1], START), reference[:, :-1]], 1)
        memory, state = self.network.read(ids, lengths)
        losses = self.network.losses_of(tokens, reference, memory=memory, state=state)
        real = tf.sequence_mask(many, tf.shape(reference)[1], losses.dtype)
        return {"log_probability": -tf.reduce_sum(losses * real, 1), "tokens": many}

    def _read(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.RaggedTensor]:
        """Ids of sources with ends, `[N, source steps]`, their lengths, and the texts of numbered placeholders."""
        ids, placeholders = self.subwords.encode(composed(text))
        return *_ended(ids), placeholders

    def _searched(self, text: tf.Tensor, beam: tf.Tensor) -> Search:
        """Searches for the best translations.

        Returns:
            Ids of the sources; the texts of their numbered placeholders; ids of the translations, `[N, steps]`, 0 from
            the end on; and the hypotheses.
        """
        tf.debugging.assert_positive(beam, f"beam: {RANGE}")
        tf.debugging.assert_less_equal(beam, WIDEST, f"beam: {RANGE}")
        ids, lengths, placeholders = self._reading(text)
        memory, state = self.network.read(ids, lengths)
        memory = tf.nest.map_structure(lambda x: tf.repeat(x, beam, 0), memory)

        def following(tokens: tf.Tensor, state: Any) -> tuple:
            return self.network.next(tokens, state, memory)

        if self.copies:
            words = {"opens": self.subwords.opens, "inside": self.subwords.inside}
            following, state = copying(following, state, source=ids, copies=self.copies, end=END, width=beam, **words)
        # A word of unknown letters is cut into many pieces; its translation has no more characters for that.
        characters = tf.strings.length(composed(text), "UTF8_CHAR") + 1
        longest = tf.minimum(2 * tf.minimum(lengths, characters) + 20, self.most)
        power = tf.where(beam > 1, self.length_power, 0.0)  # One hypothesis is greedy: the first end counts.
        found = beam_search(following, state, start=START, end=END, longest=longest, width=beam, alpha=power, best=1)
        made = tf.cast(tf.minimum(found.lengths + 1, longest[:, None]), tf.float32)
        found = found._replace(scores=found.scores / made ** (self.length_power - power))
        tokens = tf.where(tf.range(tf.shape(found.tokens)[2]) < found.lengths, found.tokens[:, 0], 0)
        return ids, placeholders, tokens, found


def copied_by_attention(counts: np.ndarray) -> range:
    """The numbered placeholders that attention copies: those seen under `TAUGHT` times in training, and all after them.

    Args:
        counts: How often each id, of `COPIES` at least, is in a training target.
    """
    return range(next((n for n in COPIES if counts[n] < TAUGHT), COPIES.stop), COPIES.stop)


def _ended(ids: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Ids with an end, `[N, pieces]`, at least one piece wide even if `N` is 0; and their lengths, int32 `[N]`."""
    lengths = tf.cast(ids.row_lengths(), tf.int32) + 1
    ids = tf.concat([ids, tf.fill([ids.nrows(), 1], END)], 1)
    longest = tf.reduce_max(tf.pad(lengths, [[0, 1]], constant_values=1))
    return ids.to_tensor(shape=tf.stack([-1, longest])), lengths


def _is_blank(text: tf.Tensor) -> tf.Tensor:
    return tf.strings.regex_full_match(text, BLANK)
