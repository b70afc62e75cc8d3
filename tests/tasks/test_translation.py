"""What is the translator's own: its answers in order, its scores, its refusals, what `predict` shows and writes."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from common import decoding
from common.errors import InputError
from common.serving import export, saved_models
from common.sources.records import Pairs
from common.text.subwords import COPIES, END, START
from common.training import run as training
from tasks import translation
from tasks.translation import Answers, Translation, TranslationSaved
from tests.tasks.test_base import make


@pytest.fixture(scope="module")
def version(data_of, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training.train(make("translation", data_of("translation"), tmp_path_factory.mktemp("models"), cell="gru"))


def columns(table) -> list[list[str]]:
    return [[str(cell) for cell in column.cells] for column in table.columns]


def test_predict_shows_and_writes_the_translation_of_each_text(version: Path, tmp_path: Path) -> None:
    served, texts = saved_models.load(version), ["old house and a longer sentence than the rest of them", "", "red cat"]
    for beam in (1, 3):
        file = tmp_path / f"{beam}.txt"
        table = Translation.predict(served, texts, TranslationSaved(beam=beam, output_file=file))
        shown, said, _ = columns(table)
        assert shown == texts and file.read_text().split("\n") == [*said, ""]
        assert said[1] == ""
        for text, answer in zip(texts, said):
            alone = served.model.signatures["beam"](text=tf.constant([text]), beam=tf.constant(beam))
            assert alone["translation"].numpy()[0].decode() == answer


def test_no_texts_have_no_translations(version: Path) -> None:
    served = saved_models.load(version)
    assert served(text=tf.constant([], tf.string))["translation"].shape == (0,)
    none = served.model.signatures["likelihood"](
        text=tf.constant([], tf.string), translation=tf.constant([], tf.string)
    )
    assert none["log_probability"].shape == (0,)


def test_predict_shows_where_the_decoder_looked(version: Path) -> None:
    served, text = saved_models.load(version), "red cat %(n1)s 日本"
    table = Translation.predict(served, [text], TranslationSaved(beam=2, show_attention=True))
    looked = served.model.signatures["attention"](text=tf.constant([text]), beam=tf.constant(2))
    said = looked["translation"].numpy()[0] != b""
    np.testing.assert_allclose(looked["weights"].numpy()[0][said].sum(1), 1, rtol=1e-5)
    assert len(columns(table)[1][1].splitlines()) == said.sum() >= 1


def test_blanks_alone_are_nothing_to_translate(version: Path) -> None:
    ask, texts = saved_models.load(version).model.signatures, tf.constant(["", " \t\n", "red cat"])
    found = ask["attention"](text=texts, beam=tf.constant(2))
    assert ask["serving_default"](text=texts)["translation"].numpy()[:2].tolist() == [b"", b""]
    assert not (found["translation"].numpy()[:2] != b"").any() and not found["weights"].numpy()[:2].any()
    assert found["weights"].numpy()[2].any()


def test_a_beam_of_nothing_is_refused_by_the_saved_model(version: Path) -> None:
    ask = saved_models.load(version).model.signatures["beam"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="beam: the width of the search must be 1 or more"):
        ask(text=tf.constant(["red cat"]), beam=tf.constant(0))


def test_what_training_did_not_teach_to_copy_attention_copies(
    data_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translation, "TAUGHT", 10**6)
    task = make("translation", data_of("translation"), tmp_path, cell="gru", epochs=1)
    ask = saved_models.load(training.train(task)).model.signatures["beam"]
    assert task.copies == COPIES
    texts = ["red 日本 cat", "red cat", "日本 and Łukasz see the old house, the red cat and 日本"]
    for beam in (tf.constant(1), tf.constant(3)):
        together = ask(text=tf.constant(texts), beam=beam)
        for n, text in enumerate(texts):
            alone = ask(text=tf.constant([text]), beam=beam)
            assert alone["translation"].numpy()[0] == together["translation"].numpy()[n]
            np.testing.assert_allclose(alone["score"][0], together["score"][n], rtol=1e-4)
            said = alone["translation"].numpy()[0].decode()
            assert all(said.count(word) <= text.count(word) for word in ("日本", "Łukasz"))


def test_a_beam_of_one_is_greedy(data_of, tmp_path: Path) -> None:
    options = {"cell": "gru", "epochs": 4, "length_power": 4.0}  # A search that compares would go for the long.
    task = make("translation", data_of("translation"), tmp_path, **options)
    network = training.fit(task, tmp_path).model.network
    texts = tf.constant(task.splits.test.sources)
    found = task.export(network).endpoints["beam"].function(texts, beam=1)["translation"].numpy()
    for text, said in zip(texts, found):
        ids, copies = task.subwords.encode(text[None])
        ids = tf.concat([ids, [[END]]], 1).to_tensor()
        memory, state = network.read(ids, tf.shape(ids)[1:])
        likeliest = decoding.greedy(partial(network.next, memory=memory), state, START, END, 2 * ids.shape[1] + 20)
        assert task.subwords.decode(likeliest.tokens[:, 0], copies).numpy()[0] == said


def test_what_cannot_be_shown_or_written_is_refused(version: Path, tmp_path: Path) -> None:
    served = saved_models.load(version)
    with pytest.raises(InputError, match=r"--output-file .*: (this is a folder|there is no folder)"):
        Translation.predict(served, ["red cat"], TranslationSaved(output_file=tmp_path / "none" / "out.txt"))
    config = saved_models.config_of(version) | {"attention": "none"}
    (tmp_path / export.ASSETS).mkdir()
    (tmp_path / export.ASSETS / "config.json").write_text(json.dumps(config))
    served.version = tmp_path
    with pytest.raises(InputError, match="--show-attention: this model was trained with --attention none"):
        Translation.predict(served, ["red cat"], TranslationSaved(show_attention=True))


def test_the_test_split_is_kept_with_what_was_said(version: Path) -> None:
    assets = version / export.ASSETS
    assert [line.split()[0] for line in (assets / "signatures.txt").read_text().splitlines()] == ["BLEU", "chrF2"]
    header, *rows = [line.split("\t") for line in (assets / "test.tsv").read_text().splitlines()]
    assert header == ["source", "reference", "translation"] and len(rows) == 40


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"xla": True}, "--xla: windows of translation differ in length"),
        ({"cell": "mlp"}, "--cell mlp: a decoder starts from a state"),
        ({"longest": 1, "vocabulary": 275}, "--longest 1: no pair of the train split is so short"),
        ({"vocabulary": 100}, "--vocabulary 100: the bytes alone are 275"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict, message: str, data_of, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        training.fit(make("translation", data_of("translation"), tmp_path, **options), tmp_path)


def test_translations_keep_the_order_of_the_texts() -> None:
    texts = ["x" * (n * 7 % 23) for n in range(3 * translation.BATCH)]

    def upper(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"translation": tf.strings.upper(text), "score": tf.cast(tf.strings.length(text), tf.float32)}

    assert translation.translated(upper, texts) == [(text.upper(), float(len(text))) for text in texts]


def test_scores() -> None:
    test = Pairs(["a %s b", "{x} c", "d"], ["un chat noir dort ici %s", "le {x} mange bien", "rien du tout"])
    answers = Answers([test.targets[0], "le chien mange bien", test.targets[2]], np.log([0.5, 0.25, 0.5]), np.ones(3))
    found = translation.scores(test, answers, "fr")
    assert found["exact_match"] == pytest.approx(2 / 3)
    assert found["placeholder_survival"] == pytest.approx(1 / 2)
    assert found["perplexity"] == pytest.approx(16 ** (1 / 3))
    assert 50 < found["bleu"] < 100 and 50 < found["chrf"] < 100
    whole = translation.scores(test, answers._replace(texts=test.targets), "fr")
    assert whole["bleu"] == pytest.approx(100) and whole["exact_match"] == 1
    assert math.isnan(translation.survival(["no placeholder"], ["%s"]))


def test_bleu_is_of_characters_where_words_are_not_written_apart() -> None:
    assert "tok:zh" in translation.signatures("zh_CN")[0]
    assert "tok:13a" in translation.signatures("fr")[0]


def test_the_nearest_training_source_lends_its_translation() -> None:
    train = Pairs(["open the file", "close the window"], ["ouvrir le fichier", "fermer la fenêtre"])
    assert translation.nearest(train, ["the windows", "a file"]) == ["fermer la fenêtre", "ouvrir le fichier"]
