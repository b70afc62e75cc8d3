"""Scores of translations."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from common.scoring import translation
from common.scoring.translation import Translations


class Upper:
    """A model that translates into upper case, and finds each reference half as likely with each character."""

    def ask(self, records: list, signature: str = "serving_default", *, what: str, **shared: int) -> list:
        self.shared = shared
        if signature == "likelihood":
            return [
                {"log_probability": len(r["translation"]) * math.log(0.5), "tokens": len(r["translation"])}
                for r in records
            ]
        return [{"translation": record["text"].upper(), "score": 0.0} for record in records]


def some(predictions: list[str] | None = None) -> Translations:
    references = ["un chat noir dort ici %s", "le {x} mange bien", "rien du tout"]
    predictions = predictions or [references[0], "le chien mange bien", references[2]]
    return Translations(["a %s b", "{x} c", "d"], references, predictions, "fr", np.log([0.5, 0.25, 0.5]), np.ones(3))


def test_scores() -> None:
    found = some().scores()
    assert found["exact_match"] == pytest.approx(2 / 3)
    assert found["placeholder_survival"] == pytest.approx(1 / 2)
    assert found["perplexity"] == pytest.approx(16 ** (1 / 3))
    assert 50 < found["bleu"] < 100 and 50 < found["chrf"] < 100
    perfect = some(some().references).scores()
    assert perfect["bleu"] == pytest.approx(100) and perfect["exact_match"] == 1


def test_there_is_no_survival_without_placeholders_and_no_perplexity_without_probabilities() -> None:
    assert math.isnan(translation.survival(["no placeholder"], ["%s"]))
    other = some().others(["a", "b", "c"])
    assert math.isnan(other.scores()["perplexity"]) and other.model is None and other.references == some().references


def test_a_model_gives_translations_and_the_likelihood_of_references() -> None:
    model = Upper()
    found = Translations.of(model, ["a", "b c"], ["A", "no"], language="fr", beam=2)
    assert found.predictions == ["A", "B C"] and found.model is model and not model.shared
    assert found.scores()["perplexity"] == pytest.approx(2) and found.scores()["exact_match"] == 0.5
    assert translation.translated(model, ["x"], beam=1) == ["X"] and model.shared == {"beam": 1}


JAPANESE = ["今犬は車を買う。", "よく家は犬を買う。", "ここで猫は鳥が好きだ。"]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ("ja jpn ja-JP ja_JP jpn_Jpan JA Japanese ko kor ko-KR th tha th_TH lo lao km khm my mya bur bo", "char"),
        ("zh zho chi cmn zh_CN zh-Hans zh-Hant-TW zho_Hans cmn_Hani yue yue-Hant wuu lzh Chinese", "zh"),
        ("fr fra fre fr-CA en eng en_US tr tur de es-419 ja-Latn zh-Latn-pinyin thr jav zha kok", "13a"),
    ],
)
def test_every_form_of_a_language_code_has_the_same_tokeniser(codes: str, expected: str) -> None:
    for code in codes.split():
        found = translation.tokenizer(code, ["un chat dort"])
        assert found == expected, code
        assert f"tok:{expected}" in translation.signatures(code, ["un chat dort"])[0]


def test_scores_do_not_hang_on_the_spelling_of_a_language() -> None:
    predictions = ["今犬は車を見る。", *JAPANESE[1:]]
    found = {
        code: Translations(JAPANESE, JAPANESE, predictions, code).scores()["bleu"]
        for code in ("ja", "jpn", "ja-JP", "target", "und")
    }
    assert len(set(found.values())) == 1 and found["ja"] > 50


def test_without_a_language_texts_without_blanks_are_scored_by_character() -> None:
    assert translation.tokenizer("target", JAPANESE) == "char"
    assert translation.tokenizer("target", ["กินข้าวหรือยัง", "ยังไม่กิน"]) == "char"
    assert translation.tokenizer("target", ["a cat sleeps", "nothing"]) == "13a"


def test_the_report_shows_signatures_and_some_predictions() -> None:
    lines = some().report().splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["BLEU", "chrF2"]
    assert "  predicted  le chien mange bien" in lines and "  reference  le {x} mange bien" in lines


def test_predictions_are_written_for_other_scores(tmp_path: Path) -> None:
    some().write(tmp_path)
    assert [line.split()[0] for line in (tmp_path / "signatures.txt").read_text().splitlines()] == ["BLEU", "chrF2"]
    header, *rows = [line.split("\t") for line in (tmp_path / "test.tsv").read_text().splitlines()]
    assert header == ["source", "reference", "translation"]
    assert rows == [list(row) for row in zip(some().sources, some().references, some().predictions)]


def test_each_subword_has_the_source_subword_with_the_largest_weight() -> None:
    weights = np.array([[0.1, 0.9, 0.0], [0.75, 0.25, 0.0], [0.0, 0.0, 0.0]])
    found = {"source": ["red", "<end>", ""], "translation": ["rouge", "<end>", ""], "weights": weights}
    assert translation.largest_weights(found) == [
        {"subword": "rouge", "source": "<end>", "weight": 0.9},
        {"subword": "<end>", "source": "red", "weight": 0.75},
    ]
