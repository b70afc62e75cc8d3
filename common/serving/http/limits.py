"""What a request may ask for."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np

from common.serving.http.refusals import Refused
from common.sources.pictures import FORMATS


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on each request.

    Attributes:
        body: Bytes of the body.
        rows: Rows of the inputs.
        characters: Characters of a row, its strings joined by blanks.
        padded: Characters of all rows together, where each counts as long as the longest.
        pixels: Pixels of all pictures together. A small file may hold a huge picture.
        steps: Steps of a stream.
        seconds: Time until an answer; a request that takes longer is not computed further.
    """

    body: int = 4 << 20
    rows: int = 256
    characters: int = 10_000
    padded: int = 100_000
    pixels: int = 50_000_000
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

    def check_files(self, files: Mapping[str, np.ndarray]) -> None:
        """Checks pictures by what their files say of their size.

        Args:
            files: Inputs that are the bytes of files, by name. What is no picture is not looked at.

        Raises:
            Refused: They are larger than the limit allows.
        """
        for name, contents in files.items():
            pixels = sum(map(_pixels, contents.flat))
            if pixels > self.pixels:
                raise Refused(
                    f"input {name} has pictures of {pixels:,} pixels; this server takes {self.pixels:,} in a request: "
                    "make them smaller"
                )

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


def _pixels(content: bytes) -> int:
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(content), formats=FORMATS) as picture:
            return picture.width * picture.height
    except Image.DecompressionBombError:
        return sys.maxsize
    except (OSError, ValueError, SyntaxError):
        return 0


def _characters(strings: np.ndarray, length: Callable[[bytes], int]) -> int:
    """The length of the longest row, its strings joined by blanks."""
    if not strings.size:
        return 0
    each = np.fromiter(map(length, strings.flat), np.int64, strings.size)
    each = each.reshape(len(strings) if strings.ndim else 1, -1)
    return int(each.sum(1).max()) + each.shape[1] - 1
