"""The values that a search may try for an option, declared next to its default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Linear:
    """All numbers from `low` to `high`, both included; whole numbers, where both ends are.

    Attributes:
        low: The lowest value.
        high: The highest value.
        asked: Whether it is searched only where a user names the option.
    """

    low: float
    high: float
    asked: bool = False

    def __contains__(self, value: Any) -> bool:
        number = isinstance(value, int if isinstance(self.low, int) else int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"

    @property
    def described(self) -> str:
        """The range and its scale, for people to read."""
        return str(self)

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that go farthest."""
        return self.low, self.high


@dataclass(frozen=True)
class Log(Linear):
    """As `Linear`, on a logarithmic scale: each doubling is as likely as another. `low` is above 0."""

    @property
    def described(self) -> str:
        return f"{self}, logarithmic"


@dataclass(frozen=True)
class Choice:
    """Each of some values.

    Attributes:
        values: The values: numbers, words, or whether or not.
        asked: Whether it is searched only where a user names the option.
    """

    values: tuple[Any, ...]
    asked: bool = False

    def __contains__(self, value: Any) -> bool:
        return any(type(one) is type(value) and one == value for one in self.values)

    def __str__(self) -> str:
        return ",".join(str(value).lower() if isinstance(value, bool) else str(value) for value in self.values)

    @property
    def described(self) -> str:
        """The values, for people to read."""
        return ", ".join(str(self).split(","))

    @property
    def ends(self) -> tuple[Any, ...]:
        """All of them."""
        return self.values


Range = Linear | Choice
"""What may be tried for an option."""
