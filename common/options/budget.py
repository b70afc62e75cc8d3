"""How many lanes and epochs a training has where no option says it: fitted to the data."""

from __future__ import annotations

from typing import NamedTuple

LEAST_LANES = 4
STEPS_OF_AN_EPOCH = 100
"""With fewer steps an epoch, half the lanes serve better."""
STEPS_OF_A_TRAINING = 2000
"""A training may have at least as many steps, however few an epoch has."""
STEPS_OF_PATIENCE = 300
"""A training waits at least as many steps for a better validation score."""


class Budget(NamedTuple):
    """What suits data of common size; small data gets fewer lanes and more epochs, so that it has as many updates.

    Attributes:
        lanes: Number of lanes, the most that are taken.
        epochs: Maximum number of epochs, the fewest that are allowed.
        patience: Epochs without a better validation score before training stops, the fewest that are waited for.
    """

    lanes: int
    epochs: int
    patience: int

    def lanes_for(self, steps: int, *, window: int, sequences: int) -> int:
        """The lanes for training data.

        Args:
            steps: Steps of all sequences together.
            window: Steps of a window.
            sequences: Number of sequences, each of which fills one lane at a time.
        """
        lanes = self.lanes
        while lanes > LEAST_LANES and steps < STEPS_OF_AN_EPOCH * lanes * window:
            lanes //= 2
        return max(1, min(lanes, sequences))

    def epochs_for(self, windows: int) -> int:
        """The maximum number of epochs, each of so many windows."""
        return max(self.epochs, -(-STEPS_OF_A_TRAINING // windows))

    def patience_for(self, windows: int) -> int:
        """The epochs without a better score that are waited for, each of so many windows."""
        return max(self.patience, -(-STEPS_OF_PATIENCE // windows))
