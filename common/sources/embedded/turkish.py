"""The embedded tagging data: Google's Turkish Web Treebank, web and wiki."""

from __future__ import annotations

from common.sources import wheels
from common.sources.records import TaggedSentences
from common.sources.splits import Parts, Splits
from common.sources.tagged import TaggedReader, of_conllu

PACKAGE = "turkish-treebanks"
MEMBERS = ("data/web.conllu", "data/wiki.conllu")
TEN = ("train",) * 8 + ("validation", "test")


def load(reader: TaggedReader) -> Splits[TaggedSentences]:
    """Reads the 4,851 sentences in their authors' split: every 9th of ten in a file is dev, every 10th is test.

    Args:
        reader: Names the column of the tags.

    Raises:
        InputError: The wheel cannot be fetched.
    """
    parts: dict[str, list] = {split: [] for split in TEN}
    wheel = wheels.fetch(PACKAGE)
    for name in MEMBERS:
        for number, sentence in enumerate(of_conllu(wheels.member(wheel, name).decode(), name, reader.column)):
            parts[TEN[number % 10]].append(sentence)
    source = f"Turkish Web Treebank ({wheels.pinned(PACKAGE)}), its authors' split"
    return Parts(TaggedSentences, parts, source).splits()
