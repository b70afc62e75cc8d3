"""Texts as the tokens of a level (words, subwords or characters), and tokens as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from common.text.canonical import composed
from common.text.scripts import Level
from common.text.subwords import Subwords
from common.text.vocabularies import Vocabulary
from common.text.words import BLANK, BLANKS, END, START, TAGS, characters, ngrams, trimmed, words

SPECIALS = 2
"""The first numbers of any vocabulary: none, and any that is not known; a language model's start is the latter."""


class Splitter(NamedTuple):
    """How texts become tokens.

    Attributes:
        split: From texts, string `[N]`, to tokens, string `[N, (tokens)]`, of which the last of each text is `END`.
        chunk: The same for texts that go on where others stopped, without `END`; also takes which texts go on,
            bool `[N]`.
        lookups: The tables that it uses, for an export to track.
        level: The level.
        pieces: The known subwords of that level.
    """

    split: Callable[[tf.Tensor], tf.RaggedTensor]
    chunk: Callable[[tf.Tensor, tf.Tensor], tf.RaggedTensor]
    lookups: list[Any]
    level: Level
    pieces: Sequence[str] = ()


class Chunk(NamedTuple):
    """The next tokens of texts.

    Attributes:
        tokens: The tokens, string `[N, (tokens)]`.
        numbers: The numbers of the n-grams that end at each token, int32 `[N, (tokens), lengths]`.
        ends: Those that would end at `END` after each token.
        last: The numbers of the last tokens, as many as the longest n-gram has before its last, int32 `[N, last]`.
    """

    tokens: tf.RaggedTensor
    numbers: tf.RaggedTensor
    ends: tf.RaggedTensor
    last: tf.Tensor


def splitter(level: Level, texts: Sequence[str], size: int) -> Splitter:
    """The splitter of a level.

    Args:
        level: The level.
        texts: The training texts, from which subwords are learned.
        size: Maximum number of subwords.

    Raises:
        InputError: There are too few subwords to spell every text.
    """
    if level == "subword":
        ready = [text.decode() for batch in _batches(texts) for text in _opened(batch).numpy()]
        return _of_subwords(Subwords.of(ready, size))
    return _of_level(level)


def _of_level(level: Level) -> Splitter:
    """The splitter of a level that needs no pieces."""
    if level == "character":
        return Splitter(characters, _more_characters, [], level)
    return Splitter(words, lambda text, goes_on: words(text)[:, :-1], [], level)


def _more_characters(text: tf.Tensor, goes_on: tf.Tensor) -> tf.RaggedTensor:
    """Characters of texts; one that goes on and begins with a blank has it."""
    found = characters(text)[:, :-1]
    parted = goes_on & _begins_with_blank(text) & (found.row_lengths() > 0)
    rows = tf.where(parted)[:, 0]
    blanks = tf.RaggedTensor.from_value_rowids(tf.fill(tf.shape(rows), BLANK), rows, found.nrows())
    return tf.concat([blanks, found], 1)


def _begins_with_blank(text: tf.Tensor) -> tf.Tensor:
    return tf.strings.regex_full_match(text, rf"(?s:{BLANKS}.*)")


def _of_subwords(subwords: Subwords) -> Splitter:
    names = tf.constant([name.replace(" ", BLANK) for name in subwords.names])

    def pieces(text: tf.Tensor) -> tf.RaggedTensor:
        found = subwords(text)
        return found.with_values(tf.gather(names, found.values))

    def split(text: tf.Tensor) -> tf.RaggedTensor:
        found = pieces(_opened(text))
        return tf.concat([found, tf.fill([found.nrows(), 1], END)], 1)

    def chunk(text: tf.Tensor, goes_on: tf.Tensor) -> tf.RaggedTensor:
        return pieces(tf.where(goes_on & ~_begins_with_blank(text), trimmed(text), _opened(text)))

    return Splitter(split, chunk, subwords.lookups, "subword", subwords.known)


def of_pieces(subwords: Subwords, level: Level) -> Splitter:
    """Texts as the pieces of a language model, as it reads them: the letters as they are, and `START` first."""
    names = tf.constant(piece_names(subwords))

    def pieces(text: tf.Tensor) -> tf.RaggedTensor:
        text = composed(tf.strings.unicode_transcode(text, "UTF-8", "UTF-8"))
        found = subwords(tf.strings.regex_replace(text, TAGS, " "))
        return found.with_values(tf.gather(names, found.values))

    def started(text: tf.Tensor) -> tf.RaggedTensor:
        found = pieces(tf.strings.regex_replace(text, f"^{BLANKS}|{BLANKS}$", ""))
        return tf.concat([tf.fill([found.nrows(), 1], START), found], 1)

    def split(text: tf.Tensor) -> tf.RaggedTensor:
        found = started(text)
        return tf.concat([found, tf.fill([found.nrows(), 1], END)], 1)

    def chunk(text: tf.Tensor, goes_on: tf.Tensor) -> tf.RaggedTensor:
        first = started(text)
        rows = tf.concat([first, pieces(tf.strings.regex_replace(text, f"{BLANKS}$", ""))], 0)
        return tf.gather(rows, tf.range(first.nrows()) + tf.where(goes_on, first.nrows(), 0))

    return Splitter(split, chunk, subwords.lookups, level, subwords.known)


def piece_names(subwords: Subwords) -> list[str]:
    """The names of a language model's pieces as tokens, which have no blanks in them; all differ."""
    changed = str.maketrans({BLANK: f"<{ord(BLANK):X}>", " ": BLANK, "\0": "<00>"})  # Keras takes \0 for nothing.
    return [name.translate(changed) for name in subwords.names]


def _opened(text: tf.Tensor) -> tf.Tensor:
    """Texts that open with a space, as every word after a blank does, so that a word is the same at their beginning."""
    return tf.strings.regex_replace(trimmed(text), "^(.)", r" \1")


class Encoder:
    """Texts to the numbers of their n-grams.

    Args:
        splitter: How texts become tokens.
        vocabularies: Those of tokens, of bigrams, and so on; each has the most frequent n-grams first.
        opening: How many marks a text begins with.
    """

    def __init__(self, splitter: Splitter, vocabularies: Sequence[Vocabulary], *, opening: int = 0) -> None:
        self.splitter = splitter
        self.vocabularies = tuple(vocabularies)
        self.opening = opening

    @classmethod
    def of(
        cls,
        texts: Sequence[str],
        level: Level,
        *,
        sizes: Sequence[int],
        min_count: int,
        pieces: int | Subwords = 0,
    ) -> Encoder:
        """Learns the vocabularies from texts.

        Args:
            texts: The training texts.
            level: What a token is.
            sizes: Maximum number of known n-grams of each length, those of one token first.
            min_count: Minimum occurrences of a known n-gram.
            pieces: Maximum number of subwords; or the pieces of a language model, all of which are known, by the
                numbers that they have there.

        Raises:
            InputError: There are too few subwords to spell every text.
        """
        given = None if isinstance(pieces, int) else pieces
        counts: list[Counter[bytes]] = [Counter() for _ in sizes]
        chosen = of_pieces(given, level) if given else splitter(level, texts, pieces)
        for batch in _batches(texts):
            found = chosen.split(batch)
            for length, count in enumerate(counts, 1):
                count.update(ngrams(found, length).flat_values.numpy().tolist())
        if given:
            tokens = Vocabulary(piece_names(given)[SPECIALS:])
        else:
            tokens = Vocabulary.of(counts[0], size=sizes[0], min_count=min_count)
        known = {START.encode(), END.encode(), *(name.encode() for name in tokens.names)}
        rest = (
            Vocabulary.of(
                Counter({gram: many for gram, many in count.items() if known.issuperset(gram.split(b" "))}),
                size=size,
                min_count=min_count,
            )
            for count, size in zip(counts[1:], sizes[1:])
        )
        return cls(chosen, [tokens, *rest], opening=1 if given else 0)

    @property
    def described(self) -> dict[str, Any]:
        """What `restored` makes an equal encoder of, as JSON; `ngrams` are the names of each length's numbers."""
        ngrams = [known.names for known in self.vocabularies]
        level = {"level": self.splitter.level, "opening": self.opening}
        return level | {"pieces": list(self.splitter.pieces), "ngrams": ngrams}

    @classmethod
    def restored(cls, described: Mapping[str, Any]) -> Encoder:
        """The encoder that was described."""
        level, opening = described["level"], described.get("opening", 0)
        if opening:
            splitter = of_pieces(Subwords(described["pieces"]), level)
        else:
            splitter = _of_subwords(Subwords(described["pieces"])) if level == "subword" else _of_level(level)
        return cls(splitter, [Vocabulary(names[2:]) for names in described["ngrams"]], opening=opening)

    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Numbers of the n-grams that end at each step of `text`, string `[N]`: int32 `[N, (tokens), lengths]`."""
        found = self.splitter.split(text)
        numbers = [known(ngrams(found, length)).values for length, known in enumerate(self.vocabularies, 1)]
        return found.with_values(tf.stack(numbers, 1))

    def chunk(self, text: tf.Tensor, last: tf.Tensor, goes_on: tf.Tensor) -> Chunk:
        """The next chunk of texts, which begins where a token does.

        Args:
            text: The chunk of each text, string `[N]`.
            last: The `last` of the chunk before, int32; zeros before a text.
            goes_on: Which texts go on, bool `[N]`.
        """
        tokens = self.splitter.chunk(text, goes_on)
        names = tf.constant([START, *self.vocabularies[0].names[1:]])
        every = tf.concat([tf.gather(names, last), tokens], 1)  # [N, (last + tokens)]
        before = last.shape[1]
        numbers, ends = [], []
        for length, known in enumerate(self.vocabularies, 1):
            numbers.append(known(_last(tf.strings.ngrams(every, length), tokens)).values)
            if length == 1:
                open_ended = tokens.with_values(tf.fill(tf.shape(tokens.values), END))
            else:
                context = _last(tf.strings.ngrams(every, length - 1), tokens)
                open_ended = context.with_values(tf.strings.join([context.values, END], " "))
            ends.append(known(open_ended).values)
        of_tokens = self.vocabularies[0](tokens)
        newest = tf.concat([last, of_tokens], 1)
        after = newest[:, -before:].to_tensor(shape=[None, before]) if before else last
        return Chunk(tokens, *(tokens.with_values(tf.stack(one, 1)) for one in (numbers, ends)), after)

    @property
    def longest(self) -> int:
        """Tokens of the longest n-gram."""
        return len(self.vocabularies)

    def encode(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of all texts end to end, `[steps, lengths]`, and the steps of each text, `[N]`."""
        batches = [self._in_graph(batch) for batch in _batches(texts)]
        flat = np.concatenate([b.values.numpy() for b in batches])
        return flat, np.concatenate([b.row_lengths().numpy() for b in batches])

    @cached_property
    def _in_graph(self) -> Callable[[tf.Tensor], tf.RaggedTensor]:
        return tf.function(self.__call__, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    @property
    def sizes(self) -> list[int]:
        """How many numbers the n-grams of each length have."""
        return [len(known) for known in self.vocabularies]

    def split(self, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of each text."""
        rows = (row for batch in _batches(texts) for row in self.splitter.split(batch).to_list())
        return [[token.decode() for token in row] for row in rows]

    @property
    def lookups(self) -> list[Any]:
        """The tables, for an export to track."""
        return [*(known.lookup for known in self.vocabularies), *self.splitter.lookups]


def _last(found: tf.RaggedTensor, tokens: tf.RaggedTensor) -> tf.RaggedTensor:
    """The last of each row, as many as there are tokens."""
    skipped = found.row_lengths() - tokens.row_lengths()
    at = tf.ragged.range(found.row_starts() + skipped, found.row_limits())
    return tf.gather(found.values, at)


def _batches(texts: Sequence[str], size: int = 1024) -> Iterator[tf.Tensor]:
    return (tf.constant(texts[n : n + size], tf.string) for n in range(0, len(texts), size))
