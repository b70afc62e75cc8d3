"""What a study trains: arms, and runs of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from common.errors import InputError
from common.options import TrainOptions, parsed


@dataclass(frozen=True)
class Arm:
    """What is trained once a seed.

    Attributes:
        cell: Or control.
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


def _axis(text: str, options: TrainOptions) -> tuple[str, list[Any]]:
    """From `window=16,64` to the option's name and its values."""
    name, equals, values = text.partition("=")
    name = name.strip().removeprefix("--").replace("-", "_")
    known = [field.name for field in fields(options)]
    if not equals or not values or name not in known:
        raise InputError(f"--vary {text}: give an option of train and its values, such as window=16,64,256")
    if name in ("cell", "seed", "output", "resume", "tensorboard"):
        raise InputError(f"--vary {text}: a study sets --{name} itself")
    return name, list(dict.fromkeys(parsed(type(options), name, value) for value in values.split(",")))


def shown(value: Any) -> str:
    """A value as a word."""
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
