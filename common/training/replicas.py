"""The replicas that train side by side: shares of the lanes, on the cores, devices and machines there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import joblib
import tensorflow as tf

from common.streams.stream import shares_of
from common.training.workers import Workers

LANES_OF_A_SHARE = 4
"""The fewest lanes that are worth a core of their own."""


def fitting_shares(lanes: int) -> int:
    """Number of shares that suit a device: one for each core that gets enough lanes, or one for a GPU."""
    if tf.config.list_physical_devices("GPU"):
        return 1
    return max(1, min(joblib.cpu_count(), lanes // LANES_OF_A_SHARE))


class Replicas:
    """Which shares of the lanes this worker trains on which of its devices.

    Lanes are cut for devices first, so that machines with unlike numbers of cores agree.

    Args:
        lanes: Number of lanes of the streams.
        workers: The workers and their devices.
        shares: Shares of the lanes on each device; None is what suits it.

    Raises:
        ValueError: There are fewer lanes than shares.
    """

    def __init__(self, lanes: int, workers: Workers, shares: int | None = None) -> None:
        self.lanes, self.workers = lanes, workers
        self.shares = fitting_shares(lanes // workers.all_devices) if shares is None else shares
        if lanes // workers.all_devices < self.shares:
            raise ValueError(f"{lanes} lanes are too few for {workers.all_devices} devices, {self.shares} shares each")

    @cached_property
    def own(self) -> list[slice]:
        """The shares of the lanes that this worker trains."""
        first = self.workers.index * self.workers.devices
        return self._cut(shares_of(self.lanes, self.workers.all_devices)[first:][: self.workers.devices])

    @cached_property
    def alone(self) -> list[slice]:
        """The shares of the lanes if this worker computes all of them."""
        return self._cut(shares_of(self.lanes, self.workers.devices))

    def _cut(self, devices: Sequence[slice]) -> list[slice]:
        """The shares of each device."""
        cut = [(lanes.start, shares_of(lanes.stop - lanes.start, self.shares)) for lanes in devices]
        return [slice(first + share.start, first + share.stop) for first, shares in cut for share in shares]

    def run(self, step: Callable, *of_shares: Sequence) -> list:
        """What a step gives on each device of this worker, called with the values of the device's shares.

        Args:
            step: The function.
            of_shares: The values of the shares of all devices of this worker.
        """

        def of_device(device: int) -> tuple:
            first = device * self.shares
            return step(*(values[first : first + self.shares] for values in of_shares))

        return self.workers.run(of_device)
