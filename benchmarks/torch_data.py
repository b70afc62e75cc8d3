"""The embedded training data as PyTorch reads it: padded batches of like length, or windows of series or of a text.

Each class has `epoch(steps, most)`, the batches of an epoch in random order: the real steps of a batch, and the
arguments of the model's `loss`. A batch has about as many real steps, `steps`, as a window of ours. With `most`, an
epoch is at most that many batches, spread evenly over all lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

Batch = tuple[int, tuple]
NO_TARGET = -100
"""A padded place, which PyTorch's cross-entropy ignores."""


class Texts(NamedTuple):
    """Training texts, encoded, end to end.

    Attributes:
        lengths: Tokens of each text, `[texts]`.
        tokens: The inputs of each step, `[steps, 2]`: word and bigram, or word and spelling.
        labels: The label of each text, `[texts]`, or of each step, `[steps]`.
        known: The sizes of the vocabularies: words and bigrams, or words, characters and affixes.
        spellings: Lengths and characters of all spellings, end to end; empty if none are read.
        affixes: The affixes of each step, `[steps, affixes of a word]`; None if none are read.
    """

    lengths: np.ndarray
    tokens: np.ndarray
    labels: np.ndarray
    known: tuple[int, ...]
    spellings: tuple[np.ndarray, ...] = ()
    affixes: np.ndarray | None = None

    def epoch(self, steps: float, most: int | None = None) -> Iterator[Batch]:
        """The numbers of the texts, `[texts]`, their lengths, and their steps, `[texts, time]`, -1 where padded."""
        texts = max(1, round(steps / self.lengths.mean()))
        order = np.argsort(-self.lengths, kind="stable")
        first = np.cumsum(self.lengths) - self.lengths
        for chosen in drawn(np.array_split(order, np.arange(texts, len(order), texts)), most):
            lengths = self.lengths[chosen]
            within = np.arange(lengths.max())
            at = np.where(within < lengths[:, None], first[chosen][:, None] + within, -1)
            yield int(lengths.sum()), (chosen, lengths, at)


class Pairs(NamedTuple):
    """Training pairs as tokens.

    Attributes:
        sources: The tokens of each source, without an end.
        targets: The tokens of each target, without start and end.
        start: The token that a decoder reads first.
        end: The token that ends sources and targets.
        vocabulary: Number of tokens.
    """

    sources: list[np.ndarray]
    targets: list[np.ndarray]
    start: int
    end: int
    vocabulary: int

    def epoch(self, steps: float, most: int | None = None) -> Iterator[Batch]:
        """Sources, their lengths, what the decoder reads, and references: `[pairs, time]` or `[pairs]` each."""
        sources, targets = (np.array([len(tokens) + 1 for tokens in side]) for side in (self.sources, self.targets))
        order = np.lexsort((sources, targets))
        each = steps * targets.sum() / (sources.sum() + targets.sum())  # Real target steps of a batch.
        number = ((targets[order].cumsum() - targets[order]) // each).astype(int)
        for chosen in drawn(np.split(order, np.flatnonzero(np.diff(number)) + 1), most):
            arrays = (
                padded([np.append(self.sources[n], self.end) for n in chosen], self.end),
                sources[chosen],
                padded([np.append(self.start, self.targets[n]) for n in chosen], self.end),
                padded([np.append(self.targets[n], self.end) for n in chosen], NO_TARGET),
            )
            yield int(sources[chosen].sum() + targets[chosen].sum()), arrays


class Series(NamedTuple):
    """Series in segments, end to end.

    Attributes:
        lengths: Segments of each series, `[series]`.
        inputs: The inputs of each segment by name, `[segments, ...]` each.
        targets: The values ahead of each segment, `[segments, horizon]`; NaN where missing.
        lanes: Series of a batch.
    """

    lengths: np.ndarray
    inputs: dict[str, np.ndarray]
    targets: np.ndarray
    lanes: int

    def epoch(self, steps: float, most: None = None) -> Iterator[Batch]:
        """Whether series start, inputs and targets of a window, `[lanes, time, ...]` each, and which steps are real."""
        first = np.cumsum(self.lengths) - self.lengths
        order = np.random.default_rng().permutation(len(self.lengths))
        for chosen in np.array_split(order, np.arange(self.lanes, len(order), self.lanes)):
            within = np.arange(self.lengths[chosen].max())
            at = np.where(within < self.lengths[chosen][:, None], first[chosen][:, None] + within, -1)
            windows = min(at.shape[1], max(1, round(at.size / steps)))
            for number, part in enumerate(np.array_split(at, windows, 1)):
                inputs = {name: values[part] for name, values in self.inputs.items()}
                yield int((part >= 0).sum()), (number == 0, inputs, self.targets[part], part >= 0)


class Text(NamedTuple):
    """A text that a language model reads from its beginning to its end.

    Attributes:
        read: The tokens that are read, `[steps]`.
        reference: The token after each, `[steps]`.
        vocabulary: Number of tokens.
        lanes: Pieces of the text that are read at the same time.
        window: Steps of a window.
    """

    read: np.ndarray
    reference: np.ndarray
    vocabulary: int
    lanes: int
    window: int

    def epoch(self, steps: float, most: int | None = None) -> Iterator[Batch]:
        """Whether the pieces begin, and the tokens and references of the next window of each, `[lanes, window]`."""
        long = len(self.read) // self.lanes
        read, reference = (of[: long * self.lanes].reshape(self.lanes, long) for of in (self.read, self.reference))
        for first in range(0, long, self.window)[:most]:
            part = slice(first, first + self.window)
            yield read[:, part].size, (first == 0, read[:, part], reference[:, part])


def drawn(batches: list[np.ndarray], most: int | None) -> list[np.ndarray]:
    """All of the batches, or at most so many of them from the first to the last, in random order."""
    every = max(1.0, len(batches) / (most or len(batches)))
    chosen = np.arange(0, len(batches), every).astype(int)
    return [batches[n] for n in np.random.default_rng().permutation(chosen)]


def padded(rows: list[np.ndarray], fill: int) -> np.ndarray:
    """Rows of different lengths, `[rows, time]`."""
    result = np.full((len(rows), max(map(len, rows))), fill, np.int64)
    for number, row in enumerate(rows):
        result[number, : len(row)] = row
    return result


def data_of(task: Any) -> Texts | Pairs | Series | Text:
    """The training data of a loaded task whose number of lanes is known."""
    if task.name == "translation":
        from common.text.subwords import END, START

        return Pairs(*task.encoded["train"], START, END, len(task.subwords))
    sequences = task.sequences("train")
    if task.name == "forecasting":
        rows = {name: values[None] for name, values in sequences.inputs.items()}  # One lane.
        inputs, targets = task.windows.expand(rows | {"keep": None, "sequence": None}, sequences.targets)
        names = ("values", "absent", "last", "series", "levels", "known", "future", "naive")
        inputs = {name: inputs[name][0] for name in names}
        return Series(sequences.lengths, inputs, targets[0], task.options.batch_size)
    if task.name == "language_model":
        tokens, options = sequences.inputs, task.options
        return Text(tokens["tokens"], tokens["reference"], len(task.pieces), options.batch_size, options.window)
    encoder = task.encoder
    if task.name == "sentiment":
        tokens = sequences.inputs["tokens"][:, : len(task.vectors)]
        tokens = np.where(tokens < task.vectors, tokens, 1)  # Those without a vector are unknown to the network.
        return Texts(sequences.lengths, tokens, sequences.targets[sequences.ends], tuple(task.vectors))
    words = sorted({word for sentence in task.splits.train.words for word in sentence})
    numbers = {word: n for n, word in enumerate(words)}
    spelling = [numbers[word] for sentence in task.splits.train.words for word in sentence]
    letters = encoder.letters(words)
    return Texts(
        sequences.lengths,
        np.stack([sequences.inputs["words"], spelling], 1),
        sequences.targets,
        (len(encoder.known), len(encoder.known_letters), len(encoder.known_affixes)),
        (letters.row_lengths().numpy(), letters.flat_values.numpy()),
        sequences.inputs["affixes"],
    )
