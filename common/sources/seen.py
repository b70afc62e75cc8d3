"""Whether texts were among those that another model has read, told from hashes of what it read."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np


def hashes(texts: Iterable[str]) -> np.ndarray:
    """The hashes of texts and of each of their lines, each once, ascending, uint64.

    Texts that differ in case, blanks or punctuation alone have one hash.
    """
    found = {_hash(part) for text in texts for part in (text, *text.splitlines())}
    return np.array(sorted(found - {_hash("")}), np.uint64)


def seen(texts: Sequence[str], read: np.ndarray) -> list[int]:
    """The numbers of the texts that are among what was read, as a text or a line of it.

    Args:
        texts: The texts.
        read: The `hashes` of what was read.
    """
    own = np.array([_hash(text) for text in texts], np.uint64)
    return np.flatnonzero(np.isin(own, read)).tolist()


def _hash(text: str) -> int:
    letters = "".join(one for one in unicodedata.normalize("NFKC", text).casefold() if one.isalnum())
    return int.from_bytes(hashlib.blake2b(letters.encode(errors="surrogatepass"), digest_size=8).digest())
