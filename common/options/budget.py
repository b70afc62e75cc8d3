"""How many lanes and passes an epoch has where no option says it: fitted to the training data."""

LEAST_LANES = 4
STEPS_OF_AN_EPOCH = 100
"""With fewer steps an epoch, half the lanes serve better, and then more than one pass makes an epoch."""


def fitting_lanes(lanes: int, steps: int, *, window: int, most: int) -> int:
    """The number of lanes for training data: fewer for small data, so that an epoch has enough updates.

    Args:
        lanes: The number that suits data of common size.
        steps: Steps of all sequences together.
        window: Steps of a window.
        most: The number of lanes that the sequences can fill.
    """
    while lanes > LEAST_LANES and steps < STEPS_OF_AN_EPOCH * lanes * window:
        lanes = max(lanes // 2, LEAST_LANES)
    return max(1, min(lanes, most))


def fitting_passes(windows: int) -> int:
    """The passes that make an epoch where each has so many windows."""
    return -(-STEPS_OF_AN_EPOCH // windows) if windows < STEPS_OF_AN_EPOCH // 2 else 1
