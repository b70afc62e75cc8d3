"""A subword vocabulary made of TensorFlow operations: no string is unknown, every text comes back byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf

from common.errors import InputError
from common.text.byte_pairs import learned_pieces
from common.text.pretokens import BREAK, is_placeholder, pretokens
from common.text.scripts import UNSPACED

PADDING, START, END = 0, 1, 2
COPIES = range(3, 19)
"""The ids of the numbered placeholders, <placeholder 0> to <placeholder 15>."""
_BYTES = range(COPIES.stop, COPIES.stop + 256)

# A letter or a digit, but not of scripts that put no spaces between words.
_SPELLED = rf"(?:[^\PL{UNSPACED}]|\pM|\pN)"


class Subwords:
    """Texts to the numbers of subwords, and back.

    A pretoken is cut from its left into the longest known pieces, if need be into bytes. Ids are 0 padding, 1 start,
    2 end, then the numbered placeholders, the 256 bytes, and the known pieces.

    A numbered placeholder stands for a placeholder of the source. It can also stand for a word of the source with a
    character that is neither ASCII nor known, which no training could teach to spell. The first distinct one is
    `<placeholder 0>`, and so forth. So a translator can copy what it has never seen. It is enough to keep the known
    pieces: `Subwords(known)` makes an equal vocabulary.

    Args:
        known: The pieces, distinct, none of them a single byte.
    """

    def __init__(self, known: Sequence[str]) -> None:
        self.known = list(known)
        # Invalid bytes are pretokens of their own, so no text holds the names of the copies.
        copies = [b"\xff%d" % n for n in range(len(COPIES))]
        pieces = [bytes([n]) for n in range(256)] + [piece.encode() for piece in self.known]
        keys = tf.constant(copies + pieces)
        ids = tf.range(COPIES.start, COPIES.start + len(keys))
        self.lookup = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, ids), default_value=0)
        self._copies = keys[: len(COPIES)]
        self._strings = tf.constant([b""] * _BYTES.start + pieces)
        letters = "".join(piece for piece in self.known if len(piece) == 1)
        self._known = rf"[\x00-\x7F{letters}]"
        self._lengths = tf.constant([sorted({len(piece) for piece in pieces}, reverse=True)])

    @classmethod
    def of(cls, texts: Iterable[str], size: int, *, often: int = 10) -> Subwords:
        """Learns the pieces by byte-pair encoding.

        Args:
            texts: The training texts, of all languages that share the vocabulary.
            size: Maximum number of ids.
            often: Minimum occurrences of a placeholder that becomes one piece.

        Raises:
            InputError: There are more bytes than ids.
        """
        if size < _BYTES.stop:
            raise InputError(f"--vocabulary {size}: the bytes alone are {_BYTES.stop}; give more")
        return cls(learned_pieces(texts, size - _BYTES.stop, often=often))

    def __len__(self) -> int:
        return _BYTES.stop + len(self.known)

    @property
    def lookups(self) -> list[tf.lookup.StaticHashTable]:
        """The tables, for an export to track."""
        return [self.lookup]

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Ids of texts `[N]`, placeholders spelled out, no start and no end: int32 `[N, (pieces)]`."""
        return self._ids(pretokens(text))

    @cached_property
    def function(self) -> tf.types.experimental.PolymorphicFunction:
        """A call as one function, which is traced once."""
        return tf.function(self.__call__, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    def encode(self, source: tf.Tensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Ids of texts with their placeholders and words of unknown characters numbered.

        Args:
            source: string, `[N]`.

        Returns:
            int32 `[N, (pieces)]`, and what the numbered placeholders stand for, string `[N, (0..16)]`.
        """
        split = self._separated(pretokens(source))
        found = tf.ragged.boolean_mask(split, tf.ragged.map_flat_values(self._is_copied, split))
        values, index = tf.unique(found.values, tf.int64)
        count = tf.maximum(tf.size(values, tf.int64), 1)
        distinct, _ = tf.unique(found.value_rowids() * count + index)
        listed = tf.gather(values, distinct % count)
        listed = tf.RaggedTensor.from_value_rowids(listed, distinct // count, found.nrows())[:, : len(COPIES)]
        return self._ids(self._numbered(split, listed)), listed

    def encode_with(self, target: tf.Tensor, placeholders: tf.RaggedTensor) -> tf.RaggedTensor:
        """Ids of translations; placeholders of their sources get the numbers that they have in the source.

        Args:
            target: string, `[N]`.
            placeholders: The placeholders of the sources, string, `[N, (0..16)]`, as `encode` gives them.

        Returns:
            int32, `[N, (pieces)]`.
        """
        return self._ids(self._numbered(self._separated(pretokens(target)), placeholders))

    def encode_pairs(self, sources: Sequence[str], targets: Sequence[str]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Ids of each source and of its translation, with the same numbered placeholders, as arrays."""
        sides = [], []
        for first in range(0, len(sources), 4096):
            some = slice(first, first + 4096)
            ids, placeholders = self.encode(tf.constant(sources[some], tf.string))
            of_targets = self.encode_with(tf.constant(targets[some], tf.string), placeholders)
            for side, ragged in zip(sides, (ids, of_targets)):
                side += np.split(ragged.flat_values.numpy(), ragged.row_splits.numpy()[1:-1])
        return sides

    def decode(
        self,
        ids: tf.RaggedTensor | tf.Tensor,
        placeholders: tf.RaggedTensor | None = None,
        spaced: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """The texts that ids spell before their first `END`.

        Args:
            ids: int, `[N, (pieces)]` or `[N, pieces]`; padding and starts are skipped.
            placeholders: What the numbered ones stand for, string, `[N, (0..16)]`; a number without a text is skipped.
            spaced: Which of them get a space before them where there is none, bool `[N, 16]`; None means none.

        Returns:
            string, `[N]`.
        """
        ids = ids.to_tensor(PADDING) if isinstance(ids, tf.RaggedTensor) else ids
        ids = tf.cast(ids, tf.int32)
        ids = tf.where(tf.cumsum(tf.cast(ids == END, tf.int32), 1) == 0, ids, PADDING)
        strings = tf.gather(self._strings, ids)
        if placeholders is not None:
            is_copy = (ids >= COPIES.start) & (ids < COPIES.stop)
            listed = placeholders.to_tensor("", shape=[None, len(COPIES)])
            copied = tf.gather(listed, tf.where(is_copy, ids - COPIES.start, 0), batch_dims=1)
            strings = tf.where(is_copy, copied, strings)
            if spaced is not None:
                before = tf.pad(strings, [[0, 0], [1, 0]])[:, :-1]
                has_space = tf.strings.regex_full_match(before, r"(?s:|.*\s)") | (copied == "")
                needs_one = is_copy & tf.gather(spaced, tf.where(is_copy, ids - COPIES.start, 0), batch_dims=1)
                strings = tf.where(needs_one & ~has_space, tf.strings.join([" ", strings]), strings)
        return tf.strings.reduce_join(strings, 1)

    def pieces(self, ids: tf.Tensor, placeholders: tf.RaggedTensor) -> tf.Tensor:
        """The text of each id separately, with `<end>` for `END` and nothing for padding.

        Args:
            ids: int32 `[N, pieces]`.
            placeholders: Those of `decode`.

        Returns:
            string, `[N, pieces]`.
        """
        rows, many = tf.unstack(tf.shape(ids))
        own = tf.gather(placeholders, tf.repeat(tf.range(rows), many))
        flat = tf.reshape(ids, [-1])
        each = tf.where(flat == END, "<end>", self.decode(flat[:, None], own))
        return tf.reshape(tf.where(flat == PADDING, "", each), tf.shape(ids))

    @property
    def names(self) -> list[str]:
        """The text of each id, for people to read."""
        specials = ["", "<start>", "<end>", *(f"<placeholder {n}>" for n in range(len(COPIES)))]
        return specials + [chr(n) if n < 0x80 else f"<{n:02X}>" for n in range(256)] + self.known

    def spelled(self, ids: Sequence[int]) -> list[str]:
        """The text of each of a sequence's ids, for people to read."""
        names = self.names
        return [names[n] for n in ids]

    @property
    def opens(self) -> tf.Tensor:
        """Pieces after which a word may continue, bool `[ids]`: those that end in a letter or digit, and lone bytes."""
        return self._has(rf"(?s:.*{_SPELLED})") | self._bare

    @property
    def inside(self) -> tf.Tensor:
        """Pieces that may continue a word, bool `[ids]`: those that begin with a letter or digit, and lone bytes."""
        return self._has(rf"(?s:{_SPELLED}.*)") | self._bare

    @property
    def _bare(self) -> tf.Tensor:
        """Which pieces are bytes of a character outside ASCII, bool `[ids]`."""
        numbers = tf.range(len(self))
        return (numbers >= _BYTES.start + 0x80) & (numbers < _BYTES.stop)

    def _has(self, pattern: str) -> tf.Tensor:
        return tf.strings.regex_full_match(self._strings, pattern)

    def spaced(self, source: tf.Tensor) -> tf.Tensor:
        """Which numbered placeholders stand only at the beginning or after spaces.

        Args:
            source: Ids of sources, int32 `[N, pieces]`.

        Returns:
            bool `[N, 16]`.
        """
        before = tf.strings.regex_full_match(tf.gather(self._strings, source), r"(?s:.*\s)")
        before = tf.pad(before, [[0, 0], [1, 0]], constant_values=True)[:, :-1]
        copies = tf.one_hot(source - COPIES.start, len(COPIES), True, False, dtype=tf.bool)  # [N, pieces, 16]
        return ~tf.reduce_any(copies & ~before[:, :, None], 1)

    def _is_copied(self, split: tf.Tensor) -> tf.Tensor:
        return is_placeholder(split) | self._is_unknown(split)

    def _is_unknown(self, split: tf.Tensor) -> tf.Tensor:
        """Which words have an unknown letter (marks can be spelled), and which other pretokens are unknown."""
        left = tf.strings.regex_replace(split, self._known, "")
        word = tf.strings.regex_full_match(split, r"(?s: ?[\pL\pM].*)")
        letters = tf.strings.regex_full_match(left, r"(?s:.*\pL.*)")
        others = tf.strings.regex_full_match(left, r"(?s:.+)")  # False for bytes that are not UTF-8.
        return letters | (~word & others)

    def _separated(self, split: tf.RaggedTensor) -> tf.RaggedTensor:
        """Makes the space before a copied word a pretoken of its own, as it is before a placeholder."""
        words = split.values
        separated = self._is_unknown(words) & tf.strings.regex_full_match(words, "(?s: .+)")
        words = tf.where(separated, tf.strings.regex_replace(words, "^ ", b" " + BREAK), words)
        return split.with_values(tf.strings.split(words, BREAK)).merge_dims(1, 2)

    def _numbered(self, split: tf.RaggedTensor, placeholders: tf.RaggedTensor) -> tf.RaggedTensor:
        """Replaces pretokens that occur in their row of `placeholders` by the names of the numbered placeholders."""
        given = _in_rows(placeholders)
        _, same = tf.unique(tf.concat([given, _in_rows(split)], 0))
        same = same[tf.size(given) :]
        is_copy = same < tf.size(given)
        starts = tf.gather(tf.cast(placeholders.row_starts(), tf.int32), tf.cast(split.value_rowids(), tf.int32))
        names = tf.gather(self._copies, tf.where(is_copy, same - starts, 0))
        return split.with_values(tf.where(is_copy, names, split.values))

    def _ids(self, split: tf.RaggedTensor) -> tf.RaggedTensor:
        distinct, index = tf.unique(split.values)
        return split.with_values(tf.gather(self._segment(distinct), index)).merge_dims(1, 2)

    def _segment(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Cuts words into their pieces, the longest first from the left: int32 `[n, (pieces)]`."""
        pieces = self.lookup.lookup(words)  # Most words are a piece.
        rows = tf.range(tf.size(words, tf.int64))
        left = pieces == 0
        rest, rest_rows = tf.boolean_mask(words, left), tf.boolean_mask(rows, left)
        pieces, rows = tf.boolean_mask(pieces, ~left), tf.boolean_mask(rows, ~left)

        def step(
            rest: tf.Tensor, rest_rows: tf.Tensor, pieces: tf.Tensor, rows: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
            starts = tf.strings.substr(rest[:, None], tf.zeros_like(self._lengths), self._lengths)
            found = self.lookup.lookup(starts)
            longest = tf.argmax(found > 0, 1)
            pieces = tf.concat([pieces, tf.gather(found, longest, batch_dims=1)], 0)
            rows = tf.concat([rows, rest_rows], 0)
            cut = tf.strings.length(tf.gather(starts, longest, batch_dims=1))
            rest = tf.strings.substr(rest, cut, tf.strings.length(rest) - cut)
            left = rest != ""
            return tf.boolean_mask(rest, left), tf.boolean_mask(rest_rows, left), pieces, rows

        some = tf.TensorShape([None])
        _, _, pieces, rows = tf.while_loop(
            lambda rest, *_: tf.size(rest) > 0, step, (rest, rest_rows, pieces, rows), (some, some, some, some)
        )
        order = tf.argsort(rows, stable=True)
        pieces, rows = tf.gather(pieces, order), tf.gather(rows, order)
        return tf.RaggedTensor.from_value_rowids(pieces, rows, tf.size(words, tf.int64))


def _in_rows(strings: tf.RaggedTensor) -> tf.Tensor:
    """All strings, each after the number of its row."""
    return tf.strings.join([tf.strings.as_string(strings.value_rowids()), strings.values], " ")
