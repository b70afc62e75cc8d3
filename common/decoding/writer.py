"""A writer of texts: pieces and a `LanguageNetwork` in one graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from common.decoding.loops import NEVER
from common.decoding.sampling import TEMPERATURE, TOP_P, sample
from common.networks.inside import TOKENS, inside
from common.networks.language import LanguageNetwork
from common.networks.stepping import STATE, chosen, flattened, restored, walked
from common.text.canonical import composed
from common.text.subwords import END, PADDING, START, Subwords

MOST = 10_000
"""Maximum number of pieces that a call writes."""
CHUNK = 256
"""Pieces that are read before they are scored: neither outputs nor logits of a long text are all in memory."""
LENGTH = tf.TensorSpec([], tf.int32, "length")
TOP_K = tf.TensorSpec([], tf.int32, "top_k")
TEXT = tf.TensorSpec([None], tf.string, "text")
PROMPT = tf.TensorSpec([None], tf.string, "prompt")
SIGNATURES = {
    "serving_default": [PROMPT, LENGTH, TEMPERATURE, TOP_P, tf.TensorSpec([], tf.int32, "seed")],
    "continue": [PROMPT, STATE, tf.TensorSpec([None], tf.int32, "seed"), LENGTH, TEMPERATURE, TOP_K, TOP_P],
    "score": [TEXT],
    "stream": [TEXT, STATE],
    "next": [tf.TensorSpec([None], tf.int32, "tokens"), STATE],
}
_OF_PIECES = {"tokens": ("texts", "pieces"), "log_probability": ("texts", "pieces")}
AXES = {
    "continue": {"state": ("texts", "numbers")},
    "score": _OF_PIECES,
    "stream": _OF_PIECES | {"state": ("texts", "numbers")},
}
"""The names of axes of unknown size, by signature and tensor, see `common.serving.export.Endpoint`."""


class Asked(NamedTuple):
    """What a call is to write.

    Attributes:
        prompt: The text to read first, string `[N]`; empty ones read nothing.
        state: From an earlier call, `[N, numbers]`, or `[N, 0]` before a text.
        seed: Fixes the draws of each row, int32 `[N]`.
        length: Maximum number of pieces to write, int32.
        temperature: See `common.decoding.sampling.sample`.
        top_k: As there; 0 is all.
        top_p: As there; 1 is all.
    """

    prompt: tf.Tensor
    state: tf.Tensor
    seed: tf.Tensor
    length: tf.Tensor
    temperature: tf.Tensor
    top_k: tf.Tensor
    top_p: tf.Tensor


class Reader(NamedTuple):
    """What a network has read, and what it is to read next.

    Attributes:
        stack: The state of the stack.
        last: The last token, which the stack has not read yet, int32 `[rows]`; 0 before a text.
        made: Number of tokens drawn so far, int32 `[rows]`.
    """

    stack: Any
    last: tf.Tensor
    made: tf.Tensor


class Writer:
    """Functions that continue texts, score them, and give the next token's distribution.

    Args:
        network: The network, which reads and predicts the numbers of `pieces`.
        pieces: The pieces of texts.
        ends: Whether the network has learned where texts end.
        seen: The numbers that training texts have, `[seen]`: it writes no others.
        backward: Whether texts are read from their end: then what is written stands before a prompt, chunks come last
            first, and the pieces of scores, too.

    Attributes:
        functions: The functions for a saved model, by the names of their signatures.
    """

    def __init__(
        self, network: LanguageNetwork, pieces: Subwords, *, ends: bool, seen: np.ndarray, backward: bool = False
    ) -> None:
        self.network = network
        self.pieces = pieces
        self.ends = ends
        self.backward = backward
        unwritten = np.full(len(pieces), NEVER, np.float32)
        unwritten[[*seen, END] if ends else seen] = 0
        self._unwritten = tf.constant(unwritten)
        self.functions: dict[str, Callable[..., dict[str, tf.Tensor]]] = {
            name: tf.function(function, input_signature=SIGNATURES[name], autograph=False)
            for name, function in (
                ("serving_default", self.write),
                ("continue", self.continued),
                ("score", self.score),
                ("stream", self.stream),
                ("next", self.next),
            )
        }

    def write(self, *given: tf.Tensor) -> dict[str, tf.Tensor]:
        """What follows each prompt, as `SIGNATURES` has it; bytes that are no UTF-8 become U+FFFD."""
        prompt, length, temperature, top_p, seed = given
        rows = tf.shape(prompt)[0]
        start, seeds = tf.zeros((rows, 0)), tf.fill([rows], seed)
        found = self.functions["continue"](*Asked(prompt, start, seeds, length, temperature, tf.constant(0), top_p))
        return {"text": tf.strings.unicode_transcode(found["text"], "UTF-8", "UTF-8")}

    def continued(self, *given: tf.Tensor) -> dict[str, tf.Tensor]:
        """Reads texts and writes on, from a state and to a state.

        Args:
            given: The fields of `Asked`.

        Returns:
            `text`, the bytes written, which may stop inside a character; `ended`, whether the text is at its end, bool;
            and `state`.
        """
        asked = Asked(*given)
        tf.debugging.assert_less_equal(asked.length, MOST, f"length: at most {MOST} pieces a call")
        _, reader = self._read(self._reader(asked.state), *_as_rows(self._ids(asked.prompt)))
        drawn = sample(
            self._following,
            reader.stack,
            start=_or_start(reader.last),
            end=END,
            longest=tf.where(reader.last == END, 0, asked.length),
            seed=asked.seed,
            temperature=asked.temperature,
            top_k=asked.top_k,
            top_p=asked.top_p,
            first=reader.made[:, None],
        )
        tokens, lengths = drawn.tokens[:, 0], drawn.lengths[:, 0]
        ended = (lengths < asked.length) | (reader.last == END)
        newest = tf.gather(tokens, tf.maximum(lengths - 1, 0), batch_dims=1)
        last = tf.where(ended, END, tf.where(lengths > 0, newest, reader.last))
        after = Reader(chosen(lengths > 0, drawn.state, reader.stack), last, reader.made + lengths)
        inside = tf.range(tf.shape(tokens)[1]) < lengths[:, None]
        tokens = tf.where(inside, tokens, PADDING)
        text = self.pieces.decode(tf.reverse_sequence(tokens, lengths, 1) if self.backward else tokens)
        return {"text": text, "ended": ended, "state": flattened(after)}

    def score(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """How likely each piece of texts is, given the pieces before it.

        Args:
            text: string `[N]`.

        Returns:
            `tokens`, the pieces and, if the network has learned where texts end, `<end>`, string `[N, pieces]`, then
            empty strings; and `log_probability`, in nats, `[N, pieces]`, 0 where there is no piece.
        """
        ids = self._ids(text)
        if self.ends:
            ids = tf.concat([ids, tf.fill([ids.nrows(), 1], END)], 1)
        return self._scored(self._reader(tf.zeros((tf.shape(text)[0], 0))), ids)[0]

    def stream(self, text: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        """How likely each piece of the next chunk of texts is, as `score`, from a state and to a `state`.

        A chunk ends where a piece does: after the end of a line, or before a blank.
        """
        scores, after = self._scored(self._reader(state), self._ids(text))
        return scores | {"state": flattened(after)}

    def _scored(self, reader: Reader, ids: tf.RaggedTensor) -> tuple[dict[str, tf.Tensor], Reader]:
        reference, lengths = _as_rows(ids)
        rows, steps = tf.unstack(tf.shape(reference))
        padded = tf.pad(reference, [[0, 0], [0, CHUNK]])

        def chunk(number: tf.Tensor, before: Reader) -> tuple[tf.Tensor, Reader]:
            first = number * CHUNK
            some = padded[:, first : first + CHUNK]
            x, after = self._read(before, some, tf.clip_by_value(lengths - first, 0, CHUNK))
            losses = self.network.losses(x, some[:, : tf.shape(x)[1]])[..., 0]
            return tf.pad(losses, [[0, 0], [0, CHUNK - tf.shape(x)[1]]]), after

        like = tf.zeros((rows, CHUNK), self.network.compute_dtype)
        losses, after = walked(chunk, reader, -(-lengths // CHUNK), like=like)
        losses = tf.reshape(losses, (rows, tf.shape(losses)[1] * CHUNK))[:, :steps]
        inside = tf.sequence_mask(lengths, steps)
        named = tf.gather(tf.constant([name.encode() for name in self.pieces.names]), reference)
        return {"tokens": tf.where(inside, named, ""), "log_probability": tf.where(inside, -losses, 0.0)}, after

    def inside(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The start and the pieces of texts, string `[N]`, as `tokens`, and what is inside the network after each."""
        ids = self._ids(text)
        ids = tf.concat([tf.fill([ids.nrows(), 1], START), ids], 1)
        tokens, lengths = _as_rows(ids)  # A recurrence has one step or more, also where there is no text.
        found = inside(self.network.stack, self.network.features({TOKENS: tokens, "sequence": None}), lengths)
        return {TOKENS: self._named(ids).to_tensor("", shape=tf.shape(tokens))} | found

    def _named(self, ids: tf.RaggedTensor) -> tf.RaggedTensor:
        return tf.gather(tf.constant([name.encode() for name in self.pieces.names]), ids)

    def next(self, tokens: tf.Tensor, state: tf.Tensor) -> dict[str, tf.Tensor]:
        """The distribution of the next token.

        Args:
            tokens: The number of the token to read in each row, int32 `[N]`; 1 starts a text.
            state: From an earlier call, `[N, numbers]`, or `[N, 0]`.

        Returns:
            `log_probabilities` `[N, vocabulary]`, and `state`.
        """
        before = restored(state, self.network.initial_state(tf.shape(tokens)[0]))
        log_probabilities, after, _ = self.network.next(tokens, before)
        return {"log_probabilities": log_probabilities, "state": flattened(after)}

    def _following(self, tokens: tf.Tensor, state: Any) -> tuple:
        log_probabilities, state, extra = self.network.next(tokens, state)
        return tf.nn.log_softmax(log_probabilities + self._unwritten), state, extra

    def _reader(self, state: tf.Tensor) -> Reader:
        rows = tf.shape(state)[0]
        nothing = tf.zeros([rows, 1], tf.int32)
        start = Reader(self.network.initial_state(rows), nothing, nothing)
        found = restored(state, start)
        return found._replace(last=found.last[:, 0], made=found.made[:, 0])

    def _ids(self, text: tf.Tensor) -> tf.RaggedTensor:
        ids = read_as(self.pieces, text)
        if not self.backward:
            return ids
        lengths = ids.row_lengths()
        return tf.RaggedTensor.from_tensor(tf.reverse_sequence(ids.to_tensor(), lengths, 1), lengths)

    def _read(self, reader: Reader, reference: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, Reader]:
        """Reads texts from a state, but for the last token of each.

        Args:
            reader: The state.
            reference: The tokens, int32 `[N, most]`.
            lengths: The number of tokens in each row, int32 `[N]`.

        Returns:
            The outputs of the stack before each token, `[N, steps, width]`, and what was read.
        """
        tokens = tf.concat([_or_start(reader.last)[:, None], reference], 1)
        like = tf.zeros((tf.shape(tokens)[0], self.network.stack.width), self.network.compute_dtype)
        x, stack = walked(lambda t, stack: self.network.step(tokens[:, t], stack), reader.stack, lengths, like=like)
        newest = tf.gather(tokens, lengths, batch_dims=1)
        return x, reader._replace(stack=stack, last=tf.where(lengths > 0, newest, reader.last))


def _as_rows(ids: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The tokens of texts, int32 `[N, steps]`, 0 behind the last of a row, and how many each has, int32 `[N]`."""
    lengths = tf.cast(ids.row_lengths(), tf.int32)
    steps = tf.reduce_max(tf.pad(lengths, [[0, 1]], constant_values=1))
    return ids.to_tensor(PADDING, shape=tf.stack([-1, steps])), lengths


def read_as(pieces: Subwords, text: tf.Tensor) -> tf.RaggedTensor:
    """The numbers of the pieces of texts as a writer reads them, string `[N]`: int32 `[N, (pieces)]`."""
    return pieces(composed(tf.strings.regex_replace(text, "\r\n?", "\n")))


def _or_start(last: tf.Tensor) -> tf.Tensor:
    """The last token, or the start where there is none."""
    return tf.where(last == PADDING, START, last)
