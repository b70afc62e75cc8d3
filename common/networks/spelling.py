"""The spellings of a window's words, each packed once onto lanes of characters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from common.streams.packing import pack


@dataclass(frozen=True)
class Spellings:
    """The distinct words of a corpus as characters, end to end; expands windows for `SpelledEmbedding`.

    Attributes:
        lengths: Characters of each word, `[spellings]`, all positive.
        characters: Their numbers, `[sum of lengths]`.
        lanes: Lanes of characters.
        multiple: Lanes are as long as the window's spellings need, rounded up to a multiple of this.
    """

    lengths: np.ndarray
    characters: np.ndarray
    lanes: int
    multiple: int = 1

    @cached_property
    def _offsets(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.lengths)[:-1]])

    def __call__(self, window: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Packs the spellings that a window's `spelling` names, `[batch, time]`.

        Returns:
            `characters` int32 and `characters_keep`, `[lanes, letters]`; and for each word the places of its last
            and first character, counted through all lanes: `ends` and `starts`, int32 `[batch, time]`.
        """
        used, words = np.unique(window["spelling"], return_inverse=True)
        lengths = self.lengths[used]
        packing = pack(lengths, self.lanes, self.multiple)
        starts = packing.lane * packing.length + packing.start
        of_word = np.repeat(np.arange(len(used)), lengths)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        characters = np.zeros(self.lanes * packing.length, np.int32)
        keep = np.zeros(self.lanes * packing.length, np.float32)
        at = starts[of_word] + within
        characters[at] = self.characters[self._offsets[used][of_word] + within]
        keep[at] = within > 0
        words = words.reshape(window["spelling"].shape)
        return {
            "characters": characters.reshape(self.lanes, -1),
            "characters_keep": keep.reshape(self.lanes, -1),
            "ends": (starts + lengths - 1)[words].astype(np.int32),
            "starts": starts[words].astype(np.int32),
        }
