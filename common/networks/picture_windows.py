"""Texts about pictures as sequences of a stream; each picture of a window is there once, however many texts it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from common.streams.sequences import Inputs, Sequences

ROUNDED, STEPS_ROUNDED = 8, 32
"""What numbers of pictures, and of the steps of one, are rounded up to where windows are to have few shapes."""
VARYING = ("pictures", "steps_of_picture")
"""The inputs of a window whose first axis is its pictures."""


@dataclass(frozen=True)
class PictureWindows:
    """Turns texts about pictures into sequences of a stream, and parts of its windows into what a network reads.

    Attributes:
        pictures: All pictures, `[pictures, ...]`, of any shape.
        start: The token that a decoder reads first.
        end: The token that ends a text.
        where: 1 at the cells of each thing of a picture, uint8 `[pictures, things, cells]`; None where it is not used.
        few_shapes: Whether numbers are rounded up, so that windows have few shapes, for which XLA compiles.
        moved: By how many pixels each picture is moved at most, up or down and left or right, anew in each pass over
            the texts.
        seed: Fixes the moves.
        texts: The number of texts.
    """

    pictures: np.ndarray
    start: int
    end: int
    where: np.ndarray | None = None
    few_shapes: bool = False
    moved: int = 0
    seed: int = 0
    texts: int = 0

    def sequences(
        self, texts: Sequence[np.ndarray], picture: Sequence[int], things: Sequence[np.ndarray] | None = None
    ) -> Sequences:
        """The texts as sequences: the target of each step is the next token.

        Args:
            texts: The tokens of each text.
            picture: The number of the picture of each text.
            things: For each token of each text the thing of the picture that it names, counted from 1; 0 is none. Only
                with `where`.
        """
        read = [np.concatenate([[self.start], text]) for text in texts]
        targets = np.concatenate([np.concatenate([text, [self.end]]) for text in texts]).astype(np.int32)
        inputs = {"tokens": np.concatenate(read).astype(np.int32)}
        if things is not None:
            inputs["thing"] = np.concatenate([np.append(own, 0) for own in things]).astype(np.int32)
        return Sequences(
            np.array([len(one) for one in read]),
            inputs,
            targets=targets,
            weights=np.ones(len(targets), np.float32),
            per_sequence={"picture": np.array(picture, np.int64)},
            together=np.array(picture, np.int64),
            varying=VARYING,
            expand=replace(self, texts=len(texts)).expand,
        )

    def expand(self, inputs: Inputs, targets: np.ndarray) -> tuple[Inputs, np.ndarray]:
        """Adds the pictures of a part of a window, and which steps belong to each.

        Returns:
            The inputs without `picture` and `row_of_sequence`, and with `reference`, the targets; `pictures`, each
            once, `[rows, ...]`; `row_of_step`, the row of the picture of each step, int32 `[lanes, time]`;
            `steps_of_picture`, the steps of each picture, counted through all lanes, int32 `[rows, most]`, padded with
            any; `place_of_step`, where in it each step is, counted through all rows, int32 `[lanes, time]`;
            `first_of_step`, the first step in the part of each step's text, int32 `[lanes, time]`; and `ends`, 1 at the
            last step of a text, float32 `[lanes, time]`. With `where` and instead of `thing`, `cells_of_thing`: 1 at
            the cells of what the target names, float32 `[lanes, time, cells]`.
        """
        inputs = dict(inputs)
        of_step = inputs.pop("picture")[inputs.pop("row_of_sequence")]
        real = inputs["sequence"] >= 0
        if real.any():
            of_step = np.where(real, of_step, of_step[real][0])  # A blank step needs no picture of its own.
        numbers, rows = np.unique(of_step, return_inverse=True)
        rows = rows.reshape(of_step.shape)
        steps = np.flatnonzero(real.ravel())
        order = steps[np.argsort(rows.ravel()[steps], kind="stable")]
        counts = np.bincount(rows.ravel()[steps], minlength=len(numbers))
        within = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        most = max(int(counts.max(initial=0)), 1)
        if self.few_shapes:
            most = -(-most // STEPS_ROUNDED) * STEPS_ROUNDED
            numbers = np.pad(numbers, (0, -len(numbers) % ROUNDED), mode="edge")
        steps_of_picture = np.zeros((len(numbers), most), np.int32)
        place_of_step = np.zeros(rows.size, np.int32)
        at = rows.ravel()[order] * most + within
        steps_of_picture.ravel()[at] = order
        place_of_step[order] = at
        inputs |= {
            "reference": targets.astype(np.int32),
            "pictures": self._pictures(numbers, inputs["sequence"]),
            "row_of_step": rows.astype(np.int32),
            "steps_of_picture": steps_of_picture,
            "place_of_step": place_of_step.reshape(rows.shape),
            "first_of_step": _first_of_step(inputs["keep"]),
            "ends": (real & (targets == self.end)).astype(np.float32),
        }
        if self.where is not None:
            thing = inputs.pop("thing")
            inputs["cells_of_thing"] = (self.where[of_step, thing - 1] * (thing > 0)[..., None]).astype(np.float32)
        return inputs, targets

    def _pictures(self, numbers: np.ndarray, sequence: np.ndarray) -> np.ndarray:
        """The pictures with these numbers, moved; `sequence` numbers the texts of the window and those before."""
        found = self.pictures[numbers]
        for n, number in enumerate(numbers if self.moved else ()):
            random = np.random.default_rng((self.seed, max(int(sequence.max()), 0) // self.texts, number))
            found[n] = shifted(found[n], *random.integers(-self.moved, self.moved + 1, 2))
        return found


def shifted(picture: np.ndarray, down: int, right: int) -> np.ndarray:
    """A picture `[height, width, ...]` moved by so many pixels; what is uncovered goes on as the border is."""
    rows, columns = (np.clip(np.arange(size) - by, 0, size - 1) for size, by in zip(picture.shape, (down, right)))
    return picture[rows[:, None], columns]


def _first_of_step(keep: np.ndarray) -> np.ndarray:
    """For each step `[lanes, time]` the latest step, up to it, that starts a text or the part."""
    return np.maximum.accumulate(np.where(keep == 0, np.arange(keep.shape[1]), 0), 1).astype(np.int32)
