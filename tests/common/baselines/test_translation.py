"""Plain methods of translation."""

from __future__ import annotations

from common.baselines import translation

TRAIN = ["open the file", "close the window"], ["ouvrir le fichier", "fermer la fenêtre"]


def test_the_nearest_training_source_lends_its_translation() -> None:
    assert translation.nearest(*TRAIN, ["the windows", "a file"]) == ["fermer la fenêtre", "ouvrir le fichier"]


def test_every_method_predicts_for_every_source() -> None:
    found = {name: made() for name, made in translation.predictions(*TRAIN, ["a file"]).items()}
    assert found == {"copy_of_the_source": ["a file"], "nearest_in_training": ["ouvrir le fichier"]}
