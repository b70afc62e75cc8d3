"""The part of a window that a `PairNetwork` reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self


class PairPart(NamedTuple):
    """Source and target steps of packed pairs, separately.

    A part is some steps of every lane. Its source steps lie in order at the right of `[batch, source steps]`, its
    target steps at the right of `[batch, target steps]`; a lane with fewer steps begins with blanks. The memory that
    the decoder attends to holds the carried steps and then the part's source steps, `[batch, memory + source steps]`.

    The *rows* of a part are those target steps that have a loss, lane by lane, so that a readout is computed for them
    alone. `[batch, rows of a lane]` lists them one after another, at the right.

    Attributes:
        source: Source tokens, int32 `[batch, source steps]`.
        source_keep: 1 where a source step continues the one before it in this part, float32.
        source_carry: 1 at a lane's first source step if it continues a source of the part before, float32.
        source_sequence: Number of each source step's pair, int32; -1 where blank.
        target: Tokens that the decoder reads, int32 `[batch, target steps]`.
        target_place: Place of each target step in its pair, int32.
        target_keep: As `source_keep`, for target steps.
        target_carry: As `source_carry`, for target steps.
        target_sequence: As `source_sequence`, for target steps.
        reference: The token to predict at each target step, int32.
        first_at: Where in the memory the first source step of each target step's pair lies, int32.
        starts: The target steps at which a target starts, int32 `[batch, starts]`; -1 where a lane has fewer.
        starts_first_at: Where in the memory the first source step of each of these targets lies, int32.
        starts_last_at: Where in the memory the last source step of each of these targets lies, int32.
        memory_at: The steps of the memory to carry on, int32 `[batch, memory]`.
        rows: For each row, its target step in the flattened target steps, int32 `[batch, rows of a lane]`.
        loss_at: For each step of the part, the row with its loss, int32 `[batch, time]`.
        has_loss: 1 at the steps of the part that have a loss, float32 `[batch, time]`.
    """

    source: Any
    source_keep: Any
    source_carry: Any
    source_sequence: Any
    target: Any
    target_place: Any
    target_keep: Any
    target_carry: Any
    target_sequence: Any
    reference: Any
    first_at: Any
    starts: Any
    starts_first_at: Any
    starts_last_at: Any
    memory_at: Any
    rows: Any
    loss_at: Any
    has_loss: Any

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> Self:
        """The part in the inputs of a window, by the names of the attributes."""
        return cls(**{name: inputs[name] for name in cls._fields})
