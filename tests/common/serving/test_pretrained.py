"""Tests of what a saved language model teaches."""

from __future__ import annotations

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from common.errors import InputError
from common.layers.embeddings import SumEmbedding
from common.layers.heads import ReadoutHead, classifier
from common.layers.readout import Readout
from common.layers.stack import RecurrentStack
from common.networks.contextual import ContextReader, ReadingModel
from common.networks.stream import StreamNetwork
from common.options import TrainOptions
from common.serving.pretrained import Pretrained
from common.serving.versions import ASSETS
from common.text.levels import Encoder
from common.text.subwords import END, START
from common.text.words import TAGS
from tests.language_models import CONFIG, language_model

TEXTS = ["Ein warmer Film.\nUnd noch eine Zeile", "Größe ▁ ist relativ\0", "<start> of <b>it</b>"]


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return language_model(tmp_path_factory.mktemp("models"), TEXTS)


@pytest.fixture
def model(version: Path) -> Pretrained:
    return Pretrained(version)


def encoder(model: Pretrained) -> Encoder:
    return Encoder.of(TEXTS, "subword", sizes=[1, 50], min_count=1, pieces=model.pieces)


def test_it_is_found_by_version_by_cell_and_by_the_folder_of_cells(version: Path) -> None:
    for path in (version, version.parent, version.parents[1]):
        assert Pretrained.found(path, "lstm").folder == version


def test_what_is_none_is_refused(version: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--pretrained .*neither a saved language model .*with the cell gru"):
        Pretrained.found(version.parents[1], "gru")
    with pytest.raises(InputError, match=r"its cell is lstm, not gru; give --cell lstm"):
        Pretrained.found(version, "gru")
    with pytest.raises(InputError, match=r"^--pretrained .*neither a saved language model"):
        Pretrained.found(tmp_path / "nothing", "lstm")
    other = language_model(tmp_path, TEXTS)
    config = other / ASSETS / "config.json"
    for name in ("read.npy", "structure.json.gz"):
        kept = (other / ASSETS / name).read_bytes()
        (other / ASSETS / name).unlink()
        with pytest.raises(InputError, match=f"^--pretrained.* has no .*{name}.*train it again"):
            Pretrained(other)
        (other / ASSETS / name).write_bytes(kept)
    config.write_text(json.dumps({"task": "pos"}))
    with pytest.raises(InputError, match="a model of pos; give one of language_model"):
        Pretrained(other)
    config.write_text("{")
    with pytest.raises(InputError, match=r"no assets\.extra/config\.json that can be read"):
        Pretrained(other)


def test_texts_that_it_has_read_are_refused(model: Pretrained) -> None:
    model.refuse_read(["Ein warmer"], "data")
    with pytest.raises(InputError, match=r"it has read 1 test text of data, such as 'UND noch eine zeile!'"):
        model.refuse_read(["A new one", "UND noch eine zeile!"], "data")


def test_it_knows_the_texts_that_it_has_read(model: Pretrained) -> None:
    assert model.share_read([*TEXTS, "Neues"]) == 0.75 and model.share_read([]) == 0
    assert model.has_read(TEXTS) and not model.has_read(TEXTS[:-1]) and not model.has_read([*TEXTS, "Neues"])


@pytest.mark.parametrize("text", ["Ein warmer Film", " Größe ▁ ist\nrelativ\0 ", "", "x<br/>é", "<start> und <end>"])
def test_its_tokens_have_the_numbers_that_it_reads(text: str, model: Pretrained) -> None:
    numbers = encoder(model)(tf.constant([text]))[0, :, 0].numpy().tolist()
    cleaned = re.sub(TAGS, " ", text.strip(" \0"))
    assert numbers == [START, *model.pieces(tf.constant([cleaned]))[0].numpy().tolist(), END]


def test_a_text_in_chunks_has_the_tokens_of_the_whole(model: Pretrained) -> None:
    known, parts = encoder(model), ["Ein", " warmer", "\nFilm. Und", " noch"]
    found, last = [], tf.zeros((1, 1), tf.int32)
    for n, part in enumerate(parts):
        chunk = known.chunk(tf.constant([part]), last, tf.constant([n > 0]))
        found += chunk.numbers[0, :, 0].numpy().tolist()
        last = chunk.last
    assert found == known(tf.constant(["".join(parts)]))[0, :-1, 0].numpy().tolist()


def network(model: Pretrained) -> StreamNetwork:
    return StreamNetwork(
        SumEmbedding([len(model.pieces)], CONFIG["embedding"], scale=CONFIG["embedding"] ** 0.5, seed=5),
        RecurrentStack("lstm", CONFIG["units"], seed=5),
        ReadoutHead(Readout("last_mean_max"), classifier(2, hidden=4)),
    )


def test_a_taught_network_reads_as_the_language_model_does(model: Pretrained) -> None:
    taught, source = network(model), model.network()
    layers = model.taught(taught)
    tokens = tf.constant([[START, 30, 40, 50, END]])
    window = {"tokens": tokens, "sequence": tf.zeros_like(tokens), "keep": tf.constant([[0.0, 1, 1, 1, 1]])}
    theirs, _ = source.stack(source.features(window | {"reference": tokens}), keep=window["keep"])
    ours, _ = taught.stack(taught.features(window), keep=window["keep"])
    np.testing.assert_array_equal(ours, theirs)
    assert layers == (taught.head, taught.stack.forwards[0], taught.embed)


def test_its_lesson_reads_each_text_from_start_to_end(model: Pretrained) -> None:
    texts = ["Ein", "Film Film"]
    tokens, lengths = encoder(model).encode(texts)
    encoded = dict.fromkeys(("train", "validation"), (tokens[:, 0], lengths))
    lesson = model.lesson(encoded, TrainOptions())
    sequences, at = lesson.sequences["train"], 0
    for text, length in zip(texts, sequences.lengths):
        pieces = model.pieces(tf.constant([text]))[0].numpy().tolist()
        steps = slice(at, at + length)
        assert sequences.inputs["tokens"][steps].tolist() == [START, *pieces]
        assert sequences.inputs["reference"][steps].tolist() == [*pieces, END]
        at += length
    taught = network(model)
    learner = lesson.learner()
    learner.network.vectors.set_weights([np.full((len(model.pieces), CONFIG["embedding"]), 0.25, np.float32)])
    lesson.teach(taught, learner.network)
    assert (taught.embed.get_weights()[0] == 0.25).all()
    assert isinstance(learner.network.out, keras.layers.Dense)


@pytest.fixture(params=[False, True], ids=["forward", "backward"])
def reading(model: Pretrained, request: pytest.FixtureRequest) -> ReadingModel:
    return model.reading()._replace(backward=request.param)


def test_words_in_context_are_what_the_language_model_has_read_until_then(reading: ReadingModel) -> None:
    sentences = [("Ein", "warmer", "Film"), ("Größe",), ("Und", "noch", "eine", "Zeile", ".")]
    found = ContextReader([reading]).vectors(sentences)
    at = 0
    for words in sentences:
        for n, word in enumerate(words):
            until = " ".join(words[: n + 1])
            after = ("" if n == 0 else " ") + " ".join(words[n:])
            ids = reading.pieces(tf.constant([after if reading.backward else until]))[0].numpy()
            ids = ids[::-1] if reading.backward else ids
            expected = reading.network.read(tf.constant([[START, *ids]]))[0, -1]
            np.testing.assert_allclose(found[at], expected, atol=2e-3, err_msg=word)
            at += 1
    assert at == len(found)


def test_both_directions_stand_in_parallel(model: Pretrained) -> None:
    both = [model.reading(), model.reading()._replace(backward=True)]
    sentences = [("Ein", "Film"), ("noch", "eine", "Zeile")]
    together = ContextReader(both).vectors(sentences)
    apart = np.concatenate([ContextReader([one]).vectors(sentences) for one in both], 1)
    np.testing.assert_array_equal(together, apart)
    assert ContextReader(both).width == together.shape[1] == 2 * CONFIG["units"]
