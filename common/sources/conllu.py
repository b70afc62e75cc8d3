"""Tagged sentences as CoNLL-U."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unicodedata import normalize

from common.sources.tagged import Column


def write_conllu(path: Path, records: Sequence[dict[str, Any]], column: Column) -> None:
    """Writes tagged sentences as CoNLL-U: the words and, in one column, their tags; all other columns are empty.

    Args:
        path: The file to write.
        records: Each has a `text`, its `tokens` and their `tags`; records without tokens are left out.
        column: The column of the tags.
    """
    numbered = [(number, record) for number, record in enumerate(records, 1) if record["tokens"]]
    path.write_text("".join(_sentence(number, record, column) for number, record in numbered), "utf-8")


def _sentence(number: int, record: dict[str, Any], column: Column) -> str:
    from conllu.models import Metadata, Token, TokenList

    words = zip(record["tokens"], record["tags"])
    empty = dict.fromkeys(("lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"))
    tokens = [Token({"id": n, "form": word} | empty | {column: tag}) for n, (word, tag) in enumerate(words, 1)]
    followed = _followed_by_blank(normalize("NFC", record["text"]), record["tokens"])
    for token, blank in zip(tokens, followed):
        token["misc"] = None if blank else {"SpaceAfter": "No"}
    text = "".join(token["form"] + " " * blank for token, blank in zip(tokens, followed)).rstrip()
    return TokenList(tokens, Metadata({"sent_id": str(number), "text": text})).serialize()


def _followed_by_blank(text: str, words: Sequence[str]) -> list[bool]:
    """Whether each word of a text is followed by blanks; the last word counts as followed by one."""
    starts, end = [], 0
    for word in words:
        starts.append(text.find(word, end))
        end = starts[-1] + len(word)
    return [start + len(word) != after for start, word, after in zip(starts, words, [*starts[1:], -1])]
