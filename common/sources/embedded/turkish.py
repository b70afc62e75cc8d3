"""The embedded tagging data: Google's Turkish Web Treebank, web and wiki."""

from __future__ import annotations

from common.sources import wheels
from common.sources.tagged import TaggedSentences, TaggedSplits, of_conllu

PACKAGE = "turkish-treebanks"
MEMBERS = ("data/web.conllu", "data/wiki.conllu")


SPLITS = ("train",) * 8 + ("validation", "test")


def load(column: str) -> TaggedSplits:
    """Reads the 4,851 sentences, split as their authors do: of every ten in a file, the 9th is dev, the 10th test.

    Args:
        column: `upos` or `xpos`.
    """
    parts: dict[str, list] = {split: [] for split in SPLITS}
    wheel = wheels.fetch(PACKAGE)
    for name in MEMBERS:
        for number, sentence in enumerate(of_conllu(wheels.member(wheel, name).decode(), name, column)):
            parts[SPLITS[number % 10]].append(sentence)
    splits = {split: TaggedSentences.of(sentences) for split, sentences in parts.items()}
    return TaggedSplits(**splits, source=f"Turkish Web Treebank ({wheels.pinned(PACKAGE)}), its authors' split")
