"""Texts as they come: chunks of words that are whole."""

from __future__ import annotations

import io

import pytest

from common.errors import InputError
from common.serving.text_stream import texts


class Drops(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def read1(self, size: int | None = -1) -> bytes:
        return self.read(3)


@pytest.mark.parametrize("source", [io.BytesIO, Drops])
def test_lines_are_texts_and_their_chunks_are_whole_words(source: type[io.BytesIO]) -> None:
    content = "a warm film\n\n  über  all\r\nlast word"
    found = [list(chunks) for chunks in texts(source(content.encode()))]
    assert ["".join(chunks).split() for chunks in found] == [
        ["a", "warm", "film"],
        [],
        ["über", "all"],
        ["last", "word"],
    ]
    assert all(chunk.strip() for chunks in found for chunk in chunks)
    assert source is io.BytesIO or found[0] == ["a", " warm", " film"]


def test_words_are_answered_before_the_line_ends() -> None:
    class Waiting(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            found = self.read(7)
            return found or pytest.fail("nothing more is there yet")

    chunks = next(texts(Waiting(b"a warm film")))
    assert next(chunks) == "a warm"


@pytest.mark.parametrize("source", [io.BytesIO, Drops])
def test_bytes_that_are_not_utf_8_are_refused_by_their_line(source: type[io.BytesIO]) -> None:
    for content in (b"a film\nwarm \xff film\n", b"a film\nwarm \xc3"):
        with pytest.raises(InputError, match="standard input, line 2: not UTF-8"):
            for chunks in texts(source(content)):
                list(chunks)
