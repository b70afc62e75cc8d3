"""What a request may ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from common.serving.http.refusals import Refused


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on each request.

    Attributes:
        body: Bytes of the body.
        rows: Rows of the inputs.
        characters: Characters of a row, its strings joined by blanks.
        padded: Characters of all rows together, where each counts as long as the longest.
        steps: Steps of a stream.
        seconds: Time until an answer; a request that takes longer is not computed further.
    """

    body: int = 4 << 20
    rows: int = 256
    characters: int = 10_000
    padded: int = 100_000
    steps: int = 1_000
    seconds: float = 10.0

    def check(self, inputs: Mapping[str, np.ndarray], rows: int) -> int:
        """Checks rows and characters.

        Args:
            inputs: The inputs by name; strings are bytes.
            rows: The number of rows.

        Returns:
            The number of characters of the longest row.

        Raises:
            Refused: There are more than the limits allow.
        """
        if rows > self.rows:
            raise Refused(f"{rows:,} rows; this server takes {self.rows:,} in a request: send several requests")
        longest = max(
            (self._longest(name, value) for name, value in inputs.items() if value.dtype == object), default=0
        )
        if rows * longest > self.padded:
            raise Refused(
                f"{rows:,} rows, the longest of {longest:,} characters; this server takes {self.padded:,} in all, each "
                "row counted as long as the longest: send several requests"
            )
        return longest

    def _longest(self, name: str, strings: np.ndarray) -> int:
        """The number of characters of the longest row of an input, at most: bytes, where these are few enough."""
        longest = _characters(strings, len)
        if longest > self.characters:
            longest = _characters(strings, lambda string: len(string.decode(errors="replace")))
        if longest > self.characters:
            raise Refused(
                f"input {name} has a row of {longest:,} characters; this server takes {self.characters:,}: divide it"
            )
        return longest


def _characters(strings: np.ndarray, length: Callable[[bytes], int]) -> int:
    """The length of the longest row, its strings joined by blanks."""
    if not strings.size:
        return 0
    each = np.fromiter(map(length, strings.flat), np.int64, strings.size)
    each = each.reshape(len(strings) if strings.ndim else 1, -1)
    return int(each.sum(1).max()) + each.shape[1] - 1
