"""Variable-length sequences, packed end to end onto lanes, read as windows.

A batch is `lanes` lanes; each lane is sequences laid end to end; a window is the next `window` steps of every
lane. Packing is decided once an epoch from the lengths and kept as one index an epoch, so a window is plain
indexing and a position in the training data is two integers, (epoch, window).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from common.streams.packing import Packing, pack
from common.streams.sequences import Sequences

if TYPE_CHECKING:
    import tensorflow as tf


Window = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]


class Stream:
    """Windows over packed lanes, packed anew each epoch.

    Args:
        sequences: What to pack.
        lanes: Sequences read side by side, the batch size.
        window: New steps of each window (k1).
        reach: Steps of a window with the history before it (k2 >= k1); None is `window`.
        whole: See `pack`.
        shuffle: Whether each epoch draws a new order; False keeps the order given.
        seed: Of the order.

    Raises:
        ValueError: `reach` is less than `window`.
    """

    def __init__(
        self,
        sequences: Sequences,
        lanes: int,
        window: int,
        reach: int | None = None,
        whole: bool = False,
        shuffle: bool = True,
        seed: int = 0,
    ) -> None:
        self.sequences = sequences
        self.lanes = lanes
        self.window = window
        self.reach = window if reach is None else reach
        if self.reach < window:
            raise ValueError(f"reach {reach} is less than window {window}")
        self.whole = whole
        self.shuffle = shuffle
        self.seed = seed
        # Weights average one over all real steps, and over all computed ones in `window_at`, so the mean over
        # an epoch's windows is the mean loss, whether a window holds many outputs, few, or blank steps.
        counted = sequences.weights.sum(dtype=np.float64)
        self.weights = (sequences.weights * (sequences.steps / max(counted, 1e-9))).astype(np.float32)
        self._packed: tuple[int, Packing, np.ndarray] | None = None

    @classmethod
    def in_order(cls, sequences: Sequences, lanes: int, window: int, whole: bool = False) -> Stream:
        """A stream for evaluation: never shuffled, every sequence once, its window fitted to leave few blank steps.

        With `whole`, windows hold the longest sequence, so that what reads backwards reads all of it, as it does when
        the saved model is asked.
        """
        if whole:
            least = max(window, int(sequences.lengths.max()))
            share = sequences.steps / lanes
            fits = {
                math.ceil(share / windows * room)
                for windows in range(max(int(share / least / 2), 1), int(share / least) + 1)
                for room in (1, 1.005, 1.01, 1.02, 1.03)
            }
            candidates = [least, *sorted(w for w in fits if least < w <= 2 * least)]
            candidates = candidates[:: math.ceil(len(candidates) / 40)]
            streams = (cls(sequences, lanes, w, whole=True, shuffle=False) for w in candidates)
            return max(streams, key=lambda stream: stream.efficiency())
        longest = cls(sequences, lanes, 1, shuffle=False).packing().length
        fitted = min(range(window, 2 * window + 1), key=lambda w: -longest % w)
        return cls(sequences, lanes, fitted, shuffle=False)

    def packing(self, epoch: int = 0) -> Packing:
        return self._index(epoch)[0]

    def windows(self, epoch: int = 0) -> int:
        """Number of windows in that epoch."""
        return self.packing(epoch).length // self.window

    def efficiency(self, epoch: int = 0) -> float:
        """Share of computed steps that are real."""
        return self.sequences.steps / (self.lanes * self.packing(epoch).length)

    def _index(self, epoch: int) -> tuple[Packing, np.ndarray]:
        epoch = epoch if self.shuffle else 0
        if self._packed is None or self._packed[0] != epoch:
            rng = np.random.default_rng((self.seed, epoch)) if self.shuffle else None
            packing = pack(self.sequences.lengths, self.lanes, self.window, self.whole, rng)
            history = self.reach - self.window
            index = np.full((self.lanes, history + packing.length), -1, np.int64)  # [lanes, steps], -1 is blank
            lengths = self.sequences.lengths
            within = np.arange(self.sequences.steps) - np.repeat(self.sequences.offsets, lengths)
            index[np.repeat(packing.lane, lengths), history + np.repeat(packing.start, lengths) + within] = np.arange(
                self.sequences.steps
            )
            self._packed = epoch, packing, index
        return self._packed[1:]

    @cached_property
    def _numbers(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.sequences), dtype=np.int32), self.sequences.lengths)

    @cached_property
    def _starts(self) -> np.ndarray:
        starts = np.zeros(self.sequences.steps, bool)
        starts[self.sequences.offsets] = True
        return starts

    def window_at(self, epoch: int, window: int) -> Window:
        """One window.

        Returns:
            `(inputs, targets, weights)`. The inputs, `[lanes, reach, ...]` each, hold those of the sequences, and
            `keep` (0 where a sequence starts and at blank steps), `sequence` (its number in this epoch, -1 where
            blank); or what `expand` makes of them. Targets and weights, `[lanes, window, ...]`, are of the new steps.
        """
        _, index = self._index(epoch)
        at = index[:, window * self.window : window * self.window + self.reach]
        blank = at < 0
        inputs = {name: _gather(values, at, blank) for name, values in self.sequences.inputs.items()}
        inputs["keep"] = (~(self._starts[at] | blank)).astype(np.float32)
        numbers = (self._numbers[at].astype(np.int64) + epoch * len(self.sequences)) % 2**31
        inputs["sequence"] = np.where(blank, -1, numbers).astype(np.int32)
        new, blank = at[:, self.reach - self.window :], blank[:, self.reach - self.window :]
        weights = _gather(self.weights, new, blank) / np.float32(self.efficiency(epoch))
        targets = _gather(self.sequences.targets, new, blank)
        if self.sequences.expand:
            inputs, targets = self.sequences.expand(inputs, targets)
        return inputs, targets, weights

    def iterate(self, epoch: int = 0, first: int = 0) -> Iterator[Window]:
        """The windows of an epoch, from window `first` on."""
        for window in range(first, self.windows(epoch)):
            yield self.window_at(epoch, window)

    def dataset(self, epoch: int = 0, first: int = 0) -> tf.data.Dataset:
        """The windows of an epoch as a `tf.data.Dataset` of known size, from window `first` on."""
        import tensorflow as tf

        def spec(array: np.ndarray) -> tf.TensorSpec:
            return tf.TensorSpec(array.shape, array.dtype)

        inputs, *rest = tf.nest.map_structure(spec, self.window_at(epoch, 0))
        for name in inputs.keys() - {*self.sequences.inputs, "keep", "sequence"}:  # Those can be of any size.
            inputs[name] = tf.TensorSpec([None] * len(inputs[name].shape), inputs[name].dtype)
        signature = (inputs, *rest)
        windows = tf.data.Dataset.from_generator(lambda: self.iterate(epoch, first), output_signature=signature)
        windows = windows.apply(tf.data.experimental.assert_cardinality(self.windows(epoch) - first)).prefetch(2)
        options = tf.data.Options()
        options.autotune.enabled = False  # Its thread sleeps twice as long each time, and an epoch's end waits for it.
        return windows.with_options(options)

    def at_ends(self, outputs: np.ndarray) -> np.ndarray:
        """Picks each sequence's last output, in the sequences' order.

        Args:
            outputs: What `predict` gave for an unshuffled pass, `[windows * lanes, window, ...]`.
        """
        return self.at_steps(outputs)[self.sequences.ends]

    def at_steps(self, outputs: np.ndarray) -> np.ndarray:
        """Puts the outputs of an unshuffled pass back into the sequences' order, `[steps, ...]`."""
        _, index = self._index(0)
        index = index[:, self.reach - self.window :]
        shape = (-1, self.lanes, self.window, *outputs.shape[2:])
        lanes = np.moveaxis(outputs.reshape(shape), 0, 1).reshape(self.lanes, -1, *outputs.shape[2:])
        result = np.empty((self.sequences.steps, *outputs.shape[2:]), outputs.dtype)
        result[index[index >= 0]] = lanes[index >= 0]
        return result


def _gather(values: np.ndarray, at: np.ndarray, blank: np.ndarray) -> Any:
    taken = values[at]
    taken[blank] = 0
    return taken
