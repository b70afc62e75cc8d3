"""Texts that come in blocks, so that a long one is never in memory as a whole."""

from __future__ import annotations

from typing import NamedTuple


class Block(NamedTuple):
    """Some of a text.

    Attributes:
        text: Its characters.
        ends: Whether the text ends with them.
    """

    text: str
    ends: bool
