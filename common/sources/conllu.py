"""Tagged sentences as CoNLL-U."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unicodedata import normalize

from common.sources.asked import Asked, Inputs, checked
from common.sources.files import Lines
from common.sources.tagged import Block, Column, blocks_of


def conllu_inputs(path: Path, encoding: str) -> Inputs:
    """The sentences of a CoNLL-U file as words, whatever their tags. The columns are `text` and `sent_id`.

    Raises:
        InputError: The file cannot be read, is not CoNLL-U, or has no words.
    """
    text = Lines(path, encoding)

    def read() -> Iterator[Asked]:
        for block in blocks_of(text.lines("\n"), str(path)):
            words = tuple(token["form"] for token in block.words)
            if words:
                yield Asked(words, {"text": " ".join(words)} | _named(block.comments), block)

    return checked(read, path)


def _named(comments: Sequence[str]) -> dict[str, str]:
    """The text and the name that comments give a sentence."""
    parts = (comment.lstrip("# ").partition(" = ") for comment in comments)
    return {name.strip(): value.strip() for name, _, value in parts if name.strip() in ("text", "sent_id")}


@contextmanager
def conllu_writer(path: Path, column: Column) -> Iterator[Callable[[Sequence[tuple[Asked, dict[str, Any]]]], None]]:
    """Gives a function that writes tagged sentences as CoNLL-U.

    A sentence that was read from CoNLL-U keeps everything but the tags of this column. Otherwise it is words and tags,
    and all other columns are empty.

    Args:
        path: The file to write.
        column: The column of the tags.

    Yields:
        A function of inputs and their records, each with a `text`, its `tokens` and their `tags`; records without
        tokens are left out.
    """
    number = 0
    with path.open("w", encoding="utf-8") as file:

        def write(answered: Sequence[tuple[Asked, dict[str, Any]]]) -> None:
            nonlocal number
            for asked, record in answered:
                number += 1
                if isinstance(asked.origin, Block):
                    file.write(_filled(asked.origin, record["tags"], column))
                elif record["tokens"]:
                    file.write(_sentence(number, record, column))

        yield write


def _filled(block: Block, tags: Sequence[str], column: Column) -> str:
    for token, tag in zip(block.words, tags, strict=True):
        token[column] = tag
    return "".join(f"{comment}\n" for comment in block.comments) + block.tokens.serialize()


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
