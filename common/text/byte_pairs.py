"""Pieces of words learned by byte-pair encoding."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import tensorflow as tf

from common.text.pretokens import is_placeholder, pretokens

Given, Found = TypeVar("Given"), TypeVar("Found")
MANY = 4096
"""The most texts of a batch."""


def learned_pieces(texts: Iterable[str], size: int, *, often: int = 10) -> list[str]:
    """The pieces of a subword vocabulary: frequent placeholders, then pieces of words.

    Args:
        texts: The training texts.
        size: Maximum number of pieces; at most an eighth of them are placeholders.
        often: Minimum occurrences of a placeholder that becomes one piece.
    """
    counts = counted(texts)
    tokens = sorted(counts, key=lambda token: (-counts[token], token))
    whole = is_placeholder(tf.constant(tokens, tf.string)).numpy()
    kept = [token.decode() for token, is_one in zip(tokens, whole) if is_one and counts[token] >= often]
    kept = kept[: size // 8]
    words = Counter({token.decode(): counts[token] for token, is_one in zip(tokens, whole) if not is_one})
    return kept + pieces_of_words(words, size - len(kept))


def counted(texts: Iterable[str]) -> Counter[bytes]:
    """How often each pretoken occurs in texts; at a time, a few of them are in memory."""
    split = tf.function(_counted, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    def of_batch(batch: Sequence[str]) -> tuple[list[bytes], list[int]]:
        return tuple(one.numpy().tolist() for one in split(tf.constant(batch, tf.string)))

    counts: Counter[bytes] = Counter()
    for found, many in in_parallel(of_batch, batches(texts)):
        for pretoken, count in zip(found, many):
            counts[pretoken] += count
    return counts


def _counted(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    found, _, many = tf.unique_with_counts(pretokens(texts).values)
    return found, many


def batches(texts: Iterable[str], characters: int = 1 << 20) -> Iterator[list[str]]:
    """Texts in batches of some million characters."""
    some, size = [], 0
    for text in texts:
        some.append(text)
        size += len(text)
        if size > characters or len(some) == MANY:
            yield some
            some, size = [], 0
    if some:
        yield some


def in_parallel(work: Callable[[Given], Found], given: Iterable[Given], *, threads: int = 2) -> Iterator[Found]:
    """What work gives, in order; a few are at work at a time, as TensorFlow's operations on strings use one core."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Found]] = deque()
        for one in given:
            waiting.append(pool.submit(work, one))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def pieces_of_words(words: Counter[str], size: int) -> list[str]:
    """The pieces of words by byte-pair encoding (Sennrich, Haddow & Birch 2016, "Neural Machine Translation of Rare
    Words with Subword Units"): characters, then merged pieces, in the order of merging.

    Args:
        words: How often each word occurs.
        size: Maximum number of pieces.
    """
    from tokenizers import Tokenizer, models, trainers

    letters: Counter[str] = Counter()
    for word, count in words.items():
        letters.update(dict.fromkeys(word, count))
    single = {letter for letter in letters if letter.isascii()}  # These are among the bytes already.
    # Rare characters are spelled by their bytes; a word that holds one is spelled by bytes and its other pieces.
    common = Counter({letter: count for letter, count in letters.items() if letter not in single and count > 1})
    alphabet = single.union(letter for letter, _ in common.most_common(size // 2))
    usable = Counter({word: count for word, count in words.items() if alphabet.issuperset(word)})
    room = size + len(single)
    trainer = trainers.BpeTrainer(vocab_size=room, min_frequency=2, max_token_length=16, show_progress=False)
    model = Tokenizer(models.BPE())
    model.train_from_iterator(usable.elements(), trainer)
    ids = model.get_vocab()
    return list(islice((piece for piece in sorted(ids, key=ids.__getitem__) if len(piece.encode()) > 1), size))
