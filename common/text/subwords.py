"""A subword vocabulary made of TensorFlow operations: no string is unknown, every text comes back byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

import tensorflow as tf

from common.errors import InputError
from common.text.placeholders import PLACEHOLDER

PADDING, START, END = 0, 1, 2


COPIES = range(3, 19)  # The ids of <placeholder 0> .. <placeholder 15>.
_BYTES = range(COPIES.stop, COPIES.stop + 256)


# Repeats are unbounded, as bounded ones would make the automaton too large to be fast.
# A word or a run of marks takes the space before it along; no run holds a mark that may begin a placeholder.
_PRETOKEN = rf"(?:{PLACEHOLDER}| ?[\pL\pM][\pL\pM'’]*| ?\pN| ?[^\s\pL\pM\pN%{{$<&\\]+|(?s:.)|\C)"


# A letter or a digit, but of scripts that write words apart.
_SPELLED = r"(?:[^\PL\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]|\pM|\pN)"
_BREAK = b"\xff\xfe"  # Neither is a byte of UTF-8, and `\C` sets apart each one that stands in a text all the same.


def pretokens(text: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts where no piece may reach across: placeholders, words, digits, runs of marks, each space left over.

    Args:
        text: string, `[N]`; any bytes.

    Returns:
        string, `[N, (pretokens)]`; joined they are the text.
    """
    return tf.strings.split(tf.strings.regex_replace(text, _PRETOKEN, rb"\0" + _BREAK), _BREAK)[:, :-1]


def placeholders(text: tf.Tensor) -> tf.RaggedTensor:
    """What a translation of texts `[N]` must keep, in order, repeats included: string `[N, (placeholders)]`."""
    found = pretokens(text)
    return tf.ragged.boolean_mask(found, tf.ragged.map_flat_values(_is_placeholder, found))


class Subwords:
    """Texts to the numbers of subwords, and back.

    A pretoken is cut from its left into the longest pieces known, where need be into bytes. Ids are 0 padding, 1 start,
    2 end, then the numbered placeholders, the 256 bytes, and the pieces known.

    A numbered placeholder stands for one that the source has, or for a word of the source with a character that is
    neither ASCII nor known, which no training could teach to spell: the first distinct one is `<placeholder 0>`, and so
    forth. A translator so copies what it has never seen. The pieces known are all that need be kept: `Subwords(known)`
    is the same again.

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
    def of(cls, texts: Sequence[str], size: int, often: int = 10) -> Subwords:
        """Learns the pieces by byte-pair encoding.

        Args:
            texts: The training texts, of all languages that share the vocabulary.
            size: Ids, at most.
            often: Times a placeholder occurs to be one piece.

        Raises:
            InputError: There are more bytes than ids.
        """
        if size < _BYTES.stop:
            raise InputError(f"--vocabulary {size}: the bytes alone are {_BYTES.stop}; give more")
        split = tf.function(pretokens, input_signature=[tf.TensorSpec([None], tf.string)])
        counts: Counter[bytes] = Counter()
        for n in range(0, len(texts), 4096):
            counts.update(split(tf.constant(texts[n : n + 4096])).values.numpy().tolist())
        tokens = sorted(counts, key=lambda token: (-counts[token], token))
        whole = _is_placeholder(tf.constant(tokens, tf.string)).numpy()
        room = max(0, size - _BYTES.stop)
        kept = [token.decode() for token, is_one in zip(tokens, whole) if is_one and counts[token] >= often]
        kept = kept[: room // 8]
        words = Counter({token.decode(): counts[token] for token, is_one in zip(tokens, whole) if not is_one})
        return cls(kept + _learn(words, room - len(kept)))

    def __len__(self) -> int:
        return _BYTES.stop + len(self.known)

    @property
    def lookups(self) -> list[tf.lookup.StaticHashTable]:
        """The tables, for an export to track."""
        return [self.lookup]

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Ids of texts `[N]`, placeholders spelled out, no start and no end: int32 `[N, (pieces)]`."""
        return self._ids(pretokens(text))

    def encode(self, source: tf.Tensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Ids of texts with their placeholders and words of unknown characters numbered.

        Args:
            source: string, `[N]`.

        Returns:
            int32 `[N, (pieces)]`, and the placeholders that the numbers stand for, string `[N, (0..16)]`.
        """
        split = self._apart(pretokens(source))
        found = tf.ragged.boolean_mask(split, tf.ragged.map_flat_values(self._is_copied, split))
        values, index = tf.unique(found.values, tf.int64)
        count = tf.maximum(tf.size(values, tf.int64), 1)
        distinct, _ = tf.unique(found.value_rowids() * count + index)
        listed = tf.gather(values, distinct % count)
        listed = tf.RaggedTensor.from_value_rowids(listed, distinct // count, found.nrows())[:, : len(COPIES)]
        return self._ids(self._numbered(split, listed)), listed

    def encode_with(self, target: tf.Tensor, placeholders: tf.RaggedTensor) -> tf.RaggedTensor:
        """Ids of translations, each placeholder that is one of its source's as its number.

        Args:
            target: string, `[N]`.
            placeholders: string, `[N, (0..16)]`, of the sources, as `encode` gives them.

        Returns:
            int32, `[N, (pieces)]`.
        """
        return self._ids(self._numbered(self._apart(pretokens(target)), placeholders))

    def decode(
        self,
        ids: tf.RaggedTensor | tf.Tensor,
        placeholders: tf.RaggedTensor | None = None,
        spaced: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """The texts that ids spell before their first `END`.

        Args:
            ids: int, `[N, (pieces)]` or `[N, pieces]`; padding and starts are skipped.
            placeholders: string, `[N, (0..16)]`, what the numbers stand for; one that stands for nothing is skipped.
            spaced: Which of these get a space ahead, where there is none, bool `[N, 16]`; None is none of them.

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
                close = tf.strings.regex_full_match(before, r"(?s:|.*\s)") | (copied == "")
                asked = is_copy & tf.gather(spaced, tf.where(is_copy, ids - COPIES.start, 0), batch_dims=1)
                strings = tf.where(asked & ~close, tf.strings.join([" ", strings]), strings)
        return tf.strings.reduce_join(strings, 1)

    def spelled(self, ids: Sequence[int]) -> list[str]:
        """Each piece of ids by itself, for people to read."""
        names = {START: "<start>", END: "<end>"} | {n: f"<placeholder {n - COPIES.start}>" for n in COPIES}
        strings = tf.gather(self._strings, tf.constant(ids, tf.int32)).numpy()
        return [names.get(int(n)) or piece.decode(errors="replace") for n, piece in zip(ids, strings)]

    @property
    def opens(self) -> tf.Tensor:
        """After which pieces a word may go on, bool `[ids]`: they end in a letter or a digit, or are bare bytes."""
        return self._has(rf"(?s:.*{_SPELLED})") | self._bare

    @property
    def inside(self) -> tf.Tensor:
        """Which pieces may go on with a word, bool `[ids]`: they begin with a letter or a digit, or are bare bytes."""
        return self._has(rf"(?s:{_SPELLED}.*)") | self._bare

    @property
    def _bare(self) -> tf.Tensor:
        numbers = tf.range(len(self))
        return (numbers >= _BYTES.start + 0x80) & (numbers < _BYTES.stop)

    def _has(self, pattern: str) -> tf.Tensor:
        return tf.strings.regex_full_match(self._strings, pattern)

    def spaced(self, source: tf.Tensor) -> tf.Tensor:
        """Whether a copy stands only first and after spaces, in ids `[N, pieces]` of sources: bool `[N, 16]`."""
        before = tf.strings.regex_full_match(tf.gather(self._strings, source), r"(?s:.*\s)")
        before = tf.pad(before, [[0, 0], [1, 0]], constant_values=True)[:, :-1]
        copies = tf.one_hot(source - COPIES.start, len(COPIES), True, False, dtype=tf.bool)  # [N, pieces, 16]
        return ~tf.reduce_any(copies & ~before[:, :, None], 1)

    def _is_copied(self, split: tf.Tensor) -> tf.Tensor:
        return tf.strings.regex_full_match(split, PLACEHOLDER) | self._is_unknown(split)

    def _is_unknown(self, split: tf.Tensor) -> tf.Tensor:
        """Whether a word has letters that are not known - marks can be spelled - or anything else is not known."""
        left = tf.strings.regex_replace(split, self._known, "")
        word = tf.strings.regex_full_match(split, r"(?s: ?[\pL\pM].*)")
        letters = tf.strings.regex_full_match(left, r"(?s:.*\pL.*)")
        others = tf.strings.regex_full_match(left, r"(?s:.+)")  # Not what is no UTF-8.
        return letters | (~word & others)

    def _apart(self, split: tf.RaggedTensor) -> tf.RaggedTensor:
        """Pretokens with the space ahead of a word that is copied for itself, as it is ahead of a placeholder."""
        words = split.values
        apart = self._is_unknown(words) & tf.strings.regex_full_match(words, "(?s: .+)")
        words = tf.where(apart, tf.strings.regex_replace(words, "^ ", b" " + _BREAK), words)
        return split.with_values(tf.strings.split(words, _BREAK)).merge_dims(1, 2)

    def _numbered(self, split: tf.RaggedTensor, placeholders: tf.RaggedTensor) -> tf.RaggedTensor:
        """Pretokens with those in their row of `placeholders` renamed to the names of the copies."""
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


def _is_placeholder(tokens: tf.Tensor) -> tf.Tensor:
    return tf.strings.regex_full_match(tokens, PLACEHOLDER)


def _in_rows(strings: tf.RaggedTensor) -> tf.Tensor:
    """The strings end to end, each with the number of its row before it."""
    return tf.strings.join([tf.strings.as_string(strings.value_rowids()), strings.values], " ")


def _learn(words: Counter[str], size: int) -> list[str]:
    """The pieces of words by byte-pair encoding: characters, then what was merged of them, in that order."""
    from tokenizers import Tokenizer, models, trainers

    letters: Counter[str] = Counter()
    for word, count in words.items():
        letters.update(dict.fromkeys(word, count))
    single = {letter for letter in letters if letter.isascii()}  # These are among the bytes already.
    # Rare characters are left to their bytes, and words that hold one to their other pieces.
    common = Counter({letter: count for letter, count in letters.items() if letter not in single and count > 1})
    alphabet = single.union(letter for letter, _ in common.most_common(size // 2))
    usable = Counter({word: count for word, count in words.items() if alphabet.issuperset(word)})
    room = size + len(single)
    trainer = trainers.BpeTrainer(vocab_size=room, min_frequency=2, max_token_length=16, show_progress=False)
    model = Tokenizer(models.BPE())
    model.train_from_iterator(usable.elements(), trainer)
    ids = model.get_vocab()
    return list(islice((piece for piece in sorted(ids, key=ids.__getitem__) if len(piece.encode()) > 1), size))
