"""Tests of the language models that a classifier starts from."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from common.options import TrainOptions
from common.serving.pretrained import Pretrained
from common.serving.teachers import Teachers
from tests.language_models import language_model

TEXTS = ["a warm film", "and a cold one"]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    made = {
        "forward": language_model(folder / "forward", TEXTS),
        "backward": language_model(folder / "backward", TEXTS, backward=True),
        "others": language_model(folder / "others", ["Ganz andere Wörter"], backward=True),
        "wider": language_model(folder / "wider", TEXTS, backward=True, units=9),
    }
    return {name: str(version) for name, version in made.items()}


def found(paths: dict[str, str], *names: str) -> Teachers:
    return Teachers.found([paths[name] for name in names], "lstm")


def test_the_one_that_reads_forward_comes_first(paths: dict[str, str]) -> None:
    both = found(paths, "backward", "forward")
    assert both.both and [str(model.folder) for model in both.models] == [paths["forward"], paths["backward"]]
    assert both.config("units") == 8 and both.pieces.known == both.models[1].pieces.known
    assert not found(paths, "forward").both
    assert Teachers.found([], "lstm") is None


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("backward",), "it reads backward; give one that reads forward, or"),
        (("forward", "forward"), "they read forward, forward; give one"),
        (("forward", "backward", "backward"), "they read forward, backward, backward; give one"),
        (("forward", "others"), "their tokens are not the same; train both on the same texts"),
    ],
)
def test_what_does_not_fit_is_refused(names: tuple[str, ...], words: str, paths: dict[str, str]) -> None:
    with pytest.raises(InputError, match=f"^--pretrained .*{re.escape(words)}"):
        found(paths, *names)


def test_options_that_differ_are_named(paths: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"--units of .* is 8, of .* 9; give two that are alike"):
        found(paths, "forward", "wider").config("units")


def test_each_reads_the_texts_of_its_lesson_in_its_order(paths: dict[str, str], capsys) -> None:
    encoded = dict.fromkeys(("train", "validation"), (np.array([1, 7, 8, 9, 2]), np.array([5])))
    first, second = found(paths, "forward", "backward").lessons(["new", TEXTS[0]], encoded, TrainOptions())
    assert first.sequences["train"].inputs["tokens"].tolist() == [1, 7, 8, 9]
    assert second.sequences["train"].inputs["tokens"].tolist() == [1, 9, 8, 7]
    assert second.sequences["train"].inputs["reference"].tolist() == [9, 8, 7, 2]
    assert not found(paths, "forward", "backward").lessons(TEXTS, encoded, TrainOptions())
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("has read 100% of the training texts: it learns no more from them") == 2


def test_test_texts_that_either_has_read_are_refused(paths: dict[str, str]) -> None:
    both = Teachers([Pretrained(Path(paths["forward"])), Pretrained(Path(paths["others"]))][:1])
    both.refuse_read(["Ganz andere Wörter"], "data")
    both.models.append(Pretrained(Path(paths["others"])))
    with pytest.raises(InputError, match="has read 1 test text of data"):
        both.refuse_read(["Ganz andere Wörter"], "data")
