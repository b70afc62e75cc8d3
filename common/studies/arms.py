"""Arms, and the runs that train them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from common.cells.registry import control_names
from common.errors import InputError
from common.options import TrainOptions, meanings, parsed

Axes = Mapping[str, Sequence[Any]]
"""Values of each varied option, by its name."""


@dataclass(frozen=True)
class Arm:
    """A cell with settings, trained once per seed.

    Attributes:
        cell: The cell, or a control.
        settings: Name and value of each varied option.
    """

    cell: str
    settings: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        return ", ".join([self.cell, *(f"{name} {shown(value)}" for name, value in self.settings)])


@dataclass(frozen=True)
class Run:
    """One training of an arm."""

    arm: Arm
    seed: int

    @property
    def folder(self) -> str:
        settings = [f"{name}={shown(value)}".replace("/", "_") for name, value in self.arm.settings]
        return "_".join([self.arm.cell, *settings, f"seed={self.seed}"])


def axes(words: Sequence[str], options: TrainOptions) -> Axes:
    """The axes of `--vary`, by name.

    Raises:
        InputError: A word names no option of training, an option that a study cannot vary, or an option twice.
    """
    found = [_axis(word, options) for word in words]
    if len(dict(found)) < len(found):
        raise InputError(f"--vary {' '.join(words)}: name each option once, with all its values")
    return dict(sorted(found))


def _axis(text: str, options: TrainOptions) -> tuple[str, list[Any]]:
    """From `window=16,64` to the option's name and its values."""
    name, equals, values = text.partition("=")
    name = name.strip().removeprefix("--").replace("-", "_")
    known = meanings(type(options))
    if not equals or not values or name not in known:
        raise InputError(f"--vary {text}: give an option of train and its values, such as window=16,64,256")
    if not known[name].varied:
        raise InputError(f"--vary {text}: a study cannot vary --{name}; give another option of train")
    return name, list(dict.fromkeys(parsed(type(options), name, value) for value in values.split(",")))


def arms(cells: Sequence[str], axes: Axes, *, controls: bool) -> list[Arm]:
    """Every cell with every combination of values, and each control with the first combination."""
    settings = list(product(*([(name, value) for value in values] for name, values in axes.items())))
    found = [Arm(cell, one) for one in settings for cell in dict.fromkeys(cells)]
    return found + [Arm(control, settings[0]) for control in control_names() if controls]


def shown(value: Any) -> str:
    """A value as a word."""
    return (" ".join(map(str, value)) or "none") if isinstance(value, tuple | list) else str(value)
