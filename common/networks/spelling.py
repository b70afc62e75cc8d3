"""The spellings of a window's words for `SpelledEmbedding`: packed in training, one lane per word when served."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import tensorflow as tf

from common.networks.network import Part
from common.networks.whole import keep_of_whole
from common.streams import pack


@dataclass(frozen=True)
class Spellings:
    """The distinct words of a corpus as characters, end to end; each window takes the spellings of its words.

    Attributes:
        lengths: Characters of each word, `[spellings]`, all positive.
        characters: The numbers of the characters, `[sum of lengths]`.
        words_of_a_lane: There is one lane of characters for so many words of the window.
        multiple: The length of lanes is rounded up to a multiple of this.
    """

    lengths: np.ndarray
    characters: np.ndarray
    words_of_a_lane: int = field(default=16, kw_only=True)
    multiple: int = field(default=1, kw_only=True)

    @cached_property
    def _offsets(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.lengths)[:-1]])

    def __call__(self, window: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Packs the spellings with the numbers in a window's `spelling`, `[batch, time]`, each once.

        Returns:
            `characters`, int32, and `characters_keep`, `[lanes, letters]` each; and `ends` and `starts`, int32
            `[batch, time]`: the places of each word's last and first character, counted through all lanes.
        """
        used, words = np.unique(window["spelling"], return_inverse=True)
        lengths, lanes = self.lengths[used], max(1, window["spelling"].size // self.words_of_a_lane)
        packing = pack(lengths, lanes, self.multiple)
        starts = packing.lane * packing.length + packing.start
        of_word = np.repeat(np.arange(len(used)), lengths)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        characters = np.zeros(lanes * packing.length, np.int32)
        keep = np.zeros(lanes * packing.length, np.float32)
        at = starts[of_word] + within
        characters[at] = self.characters[self._offsets[used][of_word] + within]
        keep[at] = within > 0
        words = words.reshape(window["spelling"].shape)
        return {
            "characters": characters.reshape(lanes, -1),
            "characters_keep": keep.reshape(lanes, -1),
            "ends": (starts + lengths - 1)[words].astype(np.int32),
            "starts": starts[words].astype(np.int32),
        }


def spelled(letters: tf.RaggedTensor, lane: tf.Tensor) -> Part:
    """The inputs that `Spellings` makes, in a graph, with one lane for each distinct word.

    Args:
        letters: Numbers of the characters of each distinct word, int32 `[lanes, (letters)]`.
        lane: The lane of each word of the window, int32 `[batch, time]`.

    Returns:
        Those of `Spellings`; a word without characters has one blank character.
    """
    lengths = tf.maximum(tf.cast(letters.row_lengths(), tf.int32), 1)
    longest = tf.reduce_max(tf.concat([lengths, [1]], 0))
    starts = lane * longest
    return {
        "characters": letters.to_tensor(0, shape=tf.stack([tf.size(lengths), longest])),
        "characters_keep": keep_of_whole(lengths, longest),
        "ends": starts + tf.gather(lengths - 1, lane),
        "starts": starts,
    }
