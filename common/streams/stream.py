"""Windows over packed lanes.

A batch is `lanes` lanes. Each lane is sequences laid end to end, and a window is the next `window` steps of every lane.
Each epoch has one packing, decided from the lengths and kept as the order of the sequences of each lane. So a window is
found by binary search and read by index, and a position in the training data is two integers, (epoch, window).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from common.streams.packing import Packing, pack
from common.streams.plan import Places, Plan
from common.streams.sequences import Inputs, Sequences

if TYPE_CHECKING:
    import tensorflow as tf


class _Epoch(NamedTuple):
    """The passes of an epoch.

    Attributes:
        plan: What lies where on the lanes, after the history of the first window.
        passes: The pass of the epoch that each window belongs to, from 0, `[windows]`.
    """

    plan: Plan
    passes: np.ndarray


Window = tuple[Inputs | tuple[Inputs, Inputs], np.ndarray, np.ndarray]
FEW_SLOTS = 4
"""The number of slots for outputs is a multiple of this, so that it rarely differs between epochs."""
WINDOWS_AT_ONCE = 16
"""Windows whose arithmetic is done together, where lanes are independent of each other."""


class Stream:
    """Windows over packed lanes, packed anew each pass over the sequences.

    Args:
        sequences: The sequences to pack.
        lanes: Sequences read at the same time, the batch size.
        window: New steps of each window (k1).
        reach: Steps of a window together with the history before it (k2 >= k1); None is `window`.
        whole: Whether to keep sequences whole inside windows where they fit, see `pack`.
        passes: Passes over the sequences that make an epoch.
        shuffle: Whether each pass draws a new order; False keeps the given order.
        seed: Fixes the orders.

    Raises:
        ValueError: `reach` is less than `window`.
    """

    def __init__(
        self,
        sequences: Sequences,
        lanes: int,
        window: int,
        *,
        reach: int | None = None,
        whole: bool = False,
        passes: int = 1,
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
        self.passes = passes
        self.shuffle = shuffle
        self.seed = seed
        # The mean of these weights over all real steps is 1; `window_at` scales them to a mean of 1 over all computed
        # steps. So the mean over an epoch's windows is the mean loss, however many outputs each window holds.
        total = sequences.weights.sum(dtype=np.float64)
        self._scale = sequences.steps / max(total, 1e-9)
        self._packed: tuple[int, _Epoch] | None = None
        self._slots_needed: tuple[Plan, int] | None = None

    @classmethod
    def in_order(cls, sequences: Sequences, lanes: int, window: int, *, whole: bool = False) -> Stream:
        """A stream for evaluation: not shuffled, every sequence once, with a window that leaves few blank steps.

        With `whole`, windows hold the longest sequence, so that a backward recurrence reads all of it, as it does in
        the saved model.
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
        """Where each sequence lies in the first pass of that epoch."""
        return self._packing(epoch * self.passes)

    def windows(self, epoch: int = 0) -> int:
        """Number of windows in that epoch."""
        return len(self._epoch(epoch).passes)

    def efficiency(self, epoch: int = 0) -> float:
        """Share of computed steps that are real."""
        return self.passes * self.sequences.steps / (self.lanes * self.window * self.windows(epoch))

    def _packing(self, number: int) -> Packing:
        """The packing of a pass."""
        rng = np.random.default_rng((self.seed, number)) if self.shuffle else None
        sequences = self.sequences
        return pack(sequences.lengths, self.lanes, self.window, whole=self.whole, together=sequences.together, rng=rng)

    def _epoch(self, epoch: int) -> _Epoch:
        """All passes of an epoch, one after another."""
        epoch = epoch if self.shuffle else 0
        if self._packed is None or self._packed[0] != epoch:
            numbers = range(epoch * self.passes, (epoch + 1) * self.passes)
            packings = [self._packing(number) for number in numbers]
            windows = [packing.length // self.window for packing in packings]
            plan = Plan.of(packings, self.reach - self.window)
            self._packed = epoch, _Epoch(plan, np.repeat(np.arange(self.passes), windows))
        return self._packed[1]

    @property
    def _borders(self) -> list[tuple[int, int]]:
        """First step and end of each part of a window."""
        if self.reach == self.window:
            return [(0, self.window)]
        return [(0, self.window), (self.window, self.reach)]

    def window_at(self, epoch: int, window: int, *, lanes: slice = slice(None)) -> Window:
        """One window.

        Args:
            epoch: The epoch, which has a packing of its own.
            window: Number of the window in the epoch.
            lanes: A share of the lanes, whose window is made on its own.

        Returns:
            `(inputs, targets, weights)`. The inputs are a dictionary with the inputs of the sequences,
            `[lanes, window, ...]` each; `keep`, 0 where a sequence starts and at blank steps; and `sequence`, its
            number in this epoch, -1 where blank. With `per_sequence` they also hold its rows, `[rows, ...]` each, and
            `row_of_sequence`, the row of each step, int32 `[lanes, window]`. With `sparse_outputs` they also hold
            `output_steps`, the steps that have an output, int32 `[lanes, slots]`. `expand` may turn all this into
            other inputs. If `reach` is more than `window`, the inputs are two such parts: the first `window` steps,
            after which the state is carried on, and the remaining steps. Targets and weights belong to the new steps,
            `[lanes, window, ...]`, or to the slots, `[lanes, slots, ...]`; a slot with no step has weight 0.
        """
        passes = epoch * self.passes + self._epoch(epoch).passes[window]
        return self._made(self._places(epoch, np.array([window]), lanes), epoch, passes)

    def _places(self, epoch: int, windows: np.ndarray, lanes: slice = slice(None)) -> Places:
        """What lies at each place of windows and of the history before each, `[windows * lanes, reach]`."""
        rows = np.tile(np.arange(self.lanes)[lanes], len(windows))[:, None]
        columns = np.repeat(windows, len(rows) // len(windows))[:, None] * self.window + np.arange(self.reach)
        sequences = self.sequences
        return self._epoch(epoch).plan.places(rows, columns, lengths=sequences.lengths, offsets=sequences.offsets)

    def _made(self, places: Places, epoch: int, passes: np.ndarray) -> Window:
        """The window at these places, of passes with those numbers, `[lanes, 1]` or one number."""
        parts = [self._part(places.between(first, end), epoch, first, passes=passes) for first, end in self._borders]
        inputs = tuple(part[0] for part in parts)
        targets, weights = (np.concatenate([part[n] for part in parts], 1) for n in (1, 2))
        if not self.sequences.sparse_outputs:
            targets, weights = (x[:, self.reach - self.window :] for x in (targets, weights))
        return inputs[0] if len(inputs) == 1 else inputs, targets, weights

    def _part(
        self, places: Places, epoch: int, first: int, *, passes: np.ndarray
    ) -> tuple[Inputs, np.ndarray, np.ndarray]:
        """Inputs, targets and weights of places `[lanes, steps]`, which begin at step `first` of the window."""
        sequences, at, blank = self.sequences, places.steps, places.blank
        inputs = {name: _gather(values, at, blank) for name, values in sequences.inputs.items()}
        inputs["keep"] = (places.within > 0).astype(np.float32)
        masks = sequences.mask_numbers(places.sequences, places.within)
        numbers = (masks + passes * sequences.masks) % 2**31
        inputs["sequence"] = np.where(blank, -1, numbers).astype(np.int32)
        if sequences.per_sequence:
            rows, of_step = np.unique(places.sequences, return_inverse=True)
            inputs["row_of_sequence"] = of_step.reshape(at.shape).astype(np.int32)
            inputs |= {name: values[rows] for name, values in sequences.per_sequence.items()}
        targets = _gather(sequences.targets, at, blank)
        weights = self._weights_at(at, blank)
        weights /= np.float32(self.efficiency(epoch))
        if sequences.sparse_outputs:
            new = np.arange(first, first + at.shape[1]) >= self.reach - self.window
            slots, filled = self._slots(at, new, epoch)
            inputs["output_steps"] = slots
            targets = np.take_along_axis(targets, slots.reshape(*slots.shape, *[1] * (targets.ndim - 2)), 1)
            # The mean over the slots of all parts must equal the mean over the new steps.
            share = np.float32(len(self._borders) * slots.shape[1] / self.window)
            weights = np.where(filled, np.take_along_axis(weights, slots, 1) * share, 0).astype(np.float32)
        if sequences.expand:
            inputs, targets = sequences.expand(inputs, targets)
        return inputs, targets, weights

    def _slots(self, at: np.ndarray, new: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The steps with a weight among the new ones, int32 `[lanes, slots]`, and which slots hold one."""
        slots = self._slots_of_a_window(epoch)
        chosen = new & self._counted(at)
        order = np.argsort(~chosen, 1, kind="stable")[:, :slots].astype(np.int32)
        order = np.pad(order, [(0, 0), (0, slots - order.shape[1])])
        return order, np.arange(slots) < chosen.sum(1, keepdims=True)

    def _slots_of_a_window(self, epoch: int) -> int:
        """The slots that the fullest window of the epoch needs, so that all windows have one shape."""
        plan = self._epoch(epoch).plan
        if self._slots_needed is None or self._slots_needed[0] is not plan:
            some = np.array_split(np.arange(self.windows(epoch)), -(-self.windows(epoch) // WINDOWS_AT_ONCE))
            new = (self._places(epoch, windows).steps[:, self.reach - self.window :] for windows in some)
            most = max(int(self._counted(at).sum(1).max()) for at in new)
            self._slots_needed = plan, -(-max(most, 1) // FEW_SLOTS) * FEW_SLOTS
        return self._slots_needed[1]

    def _counted(self, at: np.ndarray) -> np.ndarray:
        return self._weights_at(at, at < 0) > 0

    def _weights_at(self, at: np.ndarray, blank: np.ndarray) -> np.ndarray:
        """The weights of steps, float32, whose mean over all real steps is 1."""
        return (_gather(self.sequences.weights, at, blank) * self._scale).astype(np.float32)

    def iterate(self, epoch: int = 0, first: int = 0) -> Iterator[Window]:
        """The windows of an epoch, from window `first` on."""
        for window in range(first, self.windows(epoch)):
            yield self.window_at(epoch, window)

    def dataset(self, epoch: int = 0, first: int = 0, *, lanes: Sequence[slice] = (slice(None),)) -> tf.data.Dataset:
        """The windows of an epoch as a `tf.data.Dataset` of known size, from window `first` on.

        Each element is a tuple with the window of each of these shares of the lanes, see `window_at`. Those of a stream
        in order have no fixed number of steps: one graph serves validation and test, whose windows differ.
        """
        import tensorflow as tf

        fixed = {*self.sequences.inputs, "keep", "sequence", "row_of_sequence"}

        def of_steps(array: np.ndarray, known: bool) -> tuple[int | None, ...]:
            return len(array), array.shape[1] if known else None, *array.shape[2:]

        def shape_of(name: str, array: np.ndarray) -> tuple[int | None, ...]:
            if name in fixed:
                return of_steps(array, self.shuffle)
            # Others that `expand` adds are lanes.
            varies = name in self.sequences.per_sequence or name in self.sequences.varying
            rows = len(array) if self.shuffle and not varies else None
            return rows, *[None] * (array.ndim - 1)

        def spec_of(part: Inputs) -> dict[str, tf.TensorSpec]:
            return {name: tf.TensorSpec(shape_of(name, array), array.dtype) for name, array in part.items()}

        def of_outputs(array: np.ndarray) -> tf.TensorSpec:
            return tf.TensorSpec(of_steps(array, self.shuffle and not self.sequences.sparse_outputs), array.dtype)

        def of_window(window: Window) -> tuple:
            inputs, *outputs = window
            specs = tuple(map(spec_of, inputs)) if isinstance(inputs, tuple) else spec_of(inputs)
            return specs, *map(of_outputs, outputs)

        signature = tuple(of_window(self.window_at(epoch, 0, lanes=share)) for share in lanes)
        specs = tf.nest.flatten(signature)
        many = WINDOWS_AT_ONCE if self.sequences.by_lane else 1

        def made(windows: np.ndarray) -> list[np.ndarray]:
            passes, many = epoch * self.passes + self._epoch(epoch).passes[windows], len(windows)

            def window_of(share: slice) -> Window:
                places = self._places(epoch, windows, share)
                return self._made(places, epoch, np.repeat(passes, len(places.steps) // many)[:, None])

            shares = [window_of(share) for share in lanes]
            return [x.reshape(many, len(x) // many, *x.shape[1:]) for x in tf.nest.flatten(shares)]

        def elements(windows: tf.Tensor) -> tuple:
            arrays = tf.numpy_function(made, [windows], [spec.dtype for spec in specs], stateful=False)
            for array, spec in zip(arrays, specs, strict=True):
                array.set_shape((None, *spec.shape))
            return tf.nest.pack_sequence_as(signature, arrays)

        windows = tf.data.Dataset.range(first, self.windows(epoch)).batch(many)
        windows = windows.flat_map(lambda numbers: tf.data.Dataset.from_tensor_slices(elements(numbers)))
        windows = windows.apply(tf.data.experimental.assert_cardinality(self.windows(epoch) - first)).prefetch(2)
        options = tf.data.Options()
        options.autotune.enabled = False  # Its thread sleeps twice as long each time, and an epoch's end waits for it.
        options.experimental_optimization.apply_default_optimizations = False  # They take longer than they save.
        return windows.with_options(options)

    def at_output_steps(self, outputs: np.ndarray) -> np.ndarray:
        """The outputs of an unshuffled pass at the steps that have a weight, in the sequences' order, `[outputs, ...]`.

        Args:
            outputs: The outputs of `predict` for the stream, `[windows * lanes, window, ...]`, or with
                `sparse_outputs` `[windows * lanes, slots, ...]`.
        """
        if not self.sequences.sparse_outputs:
            return self.at_steps(outputs)[np.asarray(self.sequences.weights) > 0]
        every = np.ones(self.window, bool)
        steps, found = [], []
        for window, ours in enumerate(np.split(outputs, self.windows())):
            at = self._places(0, np.array([window])).steps
            slots, filled = self._slots(at, every, 0)
            steps.append(np.take_along_axis(at, slots, 1)[filled])
            found.append(ours[filled])
        return np.concatenate(found)[np.argsort(np.concatenate(steps))]

    def at_steps(self, outputs: np.ndarray) -> np.ndarray:
        """Puts the outputs of an unshuffled pass back into the sequences' order, `[steps, ...]`.

        Args:
            outputs: The outputs of `predict` for the stream, `[windows * lanes, window, ...]`.
        """
        result = np.empty((self.sequences.steps, *outputs.shape[2:]), outputs.dtype)
        for window, ours in enumerate(np.split(outputs, self.windows())):
            at = self._places(0, np.array([window])).steps[:, self.reach - self.window :]
            result[at[at >= 0]] = ours[at >= 0]
        return result


def shares_of(lanes: int, number: int) -> list[slice]:
    """Cuts lanes into shares of like size."""
    borders = np.linspace(0, lanes, number + 1).round().astype(int).tolist()
    return [slice(first, end) for first, end in pairwise(borders)]


def _gather(values: np.ndarray, at: np.ndarray, blank: np.ndarray) -> Any:
    taken = values[at]
    taken[blank] = 0
    return taken
