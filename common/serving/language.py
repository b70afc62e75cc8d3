"""What a saved language model answers: continuations of texts, and how likely texts are."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rich.table import Table

from common.reports import coloured_cell, text_cell

if TYPE_CHECKING:
    from common.serving.export import Export
    from common.serving.saved_model import Record, SavedModel

PIECES = 64
"""Pieces of a long text in validation and test, which read many at once."""
CONTEXT = 2000
"""Characters before each piece that are read again before it; in validation, tokens a quarter as many."""
CHUNK = 16
"""Tokens that are written before they are shown."""


class How(NamedTuple):
    """How a text is written on.

    Attributes:
        length: Maximum number of tokens.
        temperature: See `common.decoding.sampling.sample`.
        top_k: As there; 0 is all.
        top_p: As there; 1 is all.
        seed: Fixes what is drawn.
    """

    length: int
    temperature: float
    top_k: int
    top_p: float
    seed: int


def scored_long(model: SavedModel | Export, texts: Sequence[str], *, backward: bool = False) -> list[Record]:
    """As `scored`, for long texts without ends: they are cut, and each piece is read after its context."""
    from common.text.pieces import with_context

    cut = [list(with_context(text, pieces=PIECES, context=CONTEXT, backward=backward)) for text in texts]
    start, pieces = np.zeros(0, np.float32), [piece for some in cut for piece in some]
    read = model.ask([{"text": piece.context, "state": start} for piece in pieces], "stream", what="reading")
    records = [{"text": piece.text, "state": before["state"]} for piece, before in zip(pieces, read)]
    found = iter(_without_padding(model.ask(records, "stream", what="scoring"), backward))
    joined = []
    for text, some in zip(texts, cut):
        parts = [next(found) for _ in some]
        tokens = [token for part in parts for token in part["tokens"]]
        log_probability = np.concatenate([part["log_probability"] for part in parts])
        joined.append({"text": text, "tokens": tokens, "log_probability": log_probability})
    return joined


def scored(model: SavedModel | Export, texts: Sequence[str], *, backward: bool = False) -> list[Record]:
    """How likely each token of texts is: `text`, `tokens` and `log_probability`.

    Args:
        model: The model.
        texts: The texts.
        backward: Whether the model reads texts from their end.
    """
    found = _without_padding(model.ask([{"text": text} for text in texts], "score", what="scoring"), backward)
    return [{"text": text} | answer for text, answer in zip(texts, found)]


def _without_padding(answers: Sequence[Record], backward: bool) -> Iterator[Record]:
    """The tokens and log-probabilities of answers, in the order of the text."""
    for answer in answers:
        many = sum(token != "" for token in answer["tokens"])
        found = {"tokens": answer["tokens"][:many], "log_probability": answer["log_probability"][:many]}
        yield {name: values[::-1] for name, values in found.items()} if backward else found


def losses(records: Sequence[Record]) -> np.ndarray:
    """The loss of each token of scored texts, `[tokens]`."""
    return -np.concatenate([record["log_probability"] for record in records])


def told_of(answer: Record, *, tokens: bool = False) -> Record:
    """What people are told of a scored text: its tokens, their nats in all and on average, and each if wanted."""
    nats = -answer["log_probability"].astype(np.float64)
    found = {
        "text": answer["text"],
        "nats": float(nats.sum()),
        "nats_per_token": float(nats.mean()) if len(nats) else 0.0,
    }
    if not tokens:
        return found
    each = [{"token": name, "nats": float(value)} for name, value in zip(answer["tokens"], nats)]
    return found | {"tokens": each}


def backward(model: SavedModel) -> bool:
    """Whether a saved model reads texts from their end."""
    return model.config.get("backward", False)


def continuations(model: SavedModel, drawn: Iterable[tuple[str, How]], *, backward: bool) -> list[Record]:
    """Texts with what follows them, or with what stands before them by a model that reads from the end."""
    if backward:
        return [{"before": written_before(model, text, how), "text": text} for text, how in drawn]
    return [{"text": text, "continuation": "".join(written(model, text, how))} for text, how in drawn]


def written_before(model: SavedModel, prompt: str, how: How) -> str:
    """What stands before a prompt, by a model that reads texts from their end."""
    return b"".join(reversed(list(_parts(model, prompt, how)))).decode(errors="replace")


def written(model: SavedModel, prompt: str, how: How) -> Iterator[str]:
    """What follows a prompt, a few tokens at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for part in _parts(model, prompt, how):
        yield decoder.decode(part)
    yield decoder.decode(b"", final=True)


def _parts(model: SavedModel, prompt: str, how: How) -> Iterator[bytes]:
    """What a model writes, a few tokens at a time."""
    import tensorflow as tf

    write = model.signatures["continue"]
    state, left, ended = tf.zeros((1, 0)), how.length, False
    drawn = {
        "seed": tf.constant([how.seed % 2**31], tf.int32),
        "temperature": tf.constant(how.temperature, tf.float32),
        "top_k": tf.constant(how.top_k, tf.int32),
        "top_p": tf.constant(how.top_p, tf.float32),
    }
    while left and not ended:
        length = min(left, CHUNK)
        answer = write(prompt=tf.constant([prompt]), state=state, length=tf.constant(length), **drawn)
        prompt, state, ended, left = "", answer["state"], bool(answer["ended"][0]), left - length
        yield answer["text"][0].numpy()


def scores_of_texts(title: str, records: Sequence[Record]) -> Table:
    """A table of scored texts; where their tokens are scored, unlikely ones are red."""
    table = Table("text", "nats", "nats per token", title=title)
    for record in records:
        text = text_cell(record["text"])
        if "tokens" in record:
            text = coloured_cell((one["token"], _style(one["nats"])) for one in record["tokens"])
        table.add_row(text, f"{record['nats']:.3f}", f"{record['nats_per_token']:.3f}")
    return table


def _style(nats: float) -> str:
    """The colour of a token: white on ever deeper red, from one nat to eight."""
    depth = int(220 * min(max(nats - 1, 0) / 7, 1))
    return f"white on rgb({depth},0,0)" if depth else ""
