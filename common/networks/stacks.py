"""The recurrent stack that a task's options describe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common.layers.stack import RecurrentStack
from common.options import TrainOptions


def recurrent_stack(options: TrainOptions, *, weight_dropout: float = 0.0, **changes: Any) -> RecurrentStack:
    """The stack that a task's options describe.

    Args:
        options: The options of the training.
        weight_dropout: Share of the recurrent weights dropped.
        changes: Options that have other values for this stack.
    """
    options = replace(options, **changes)
    return RecurrentStack(
        options.cell,
        options.units,
        layers=options.layers,
        bidirectional=options.bidirectional,
        residual=options.residual,
        dropout=options.dropout,
        recurrent_dropout=options.recurrent_dropout,
        weight_dropout=weight_dropout,
        activation=options.activation,
        seed=options.seed,
        recurrent_initializer=options.recurrent_initializer,
    )
