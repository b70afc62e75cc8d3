"""Captioning: files' bytes and pixels give the same captions, over HTTP as well; what cannot be is refused."""

from __future__ import annotations

import base64
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from common.cli.train import train
from common.errors import InputError
from common.layers.features import made
from common.serving.saved_model import SavedModel
from common.serving.versions import ASSETS
from common.sources.load import DATA_SETS
from common.sources.pictures import PictureReader, Pictures
from common.sources.splits import Splits
from tasks.captioning import Captioning, CaptioningSaved
from tasks.captioning_options import CaptioningOptions
from tests.common.serving.http.conftest import serve  # noqa: F401
from tests.tasks.trained import make

CELL = "lstm"


@pytest.fixture(scope="module")
def version(trained) -> Path:
    return trained("captioning", CELL) / "captioning" / CELL / "1"


def test_files_and_pixels_have_one_answer(version: Path) -> None:
    model, path = SavedModel(version), version / ASSETS / "example.png"
    pixels = np.asarray(Image.open(path))
    (of_file,) = model.ask([{"image": path.read_bytes()}])
    (of_pixels,) = model.ask([{"pixels": pixels}], "pixels")
    assert of_file["caption"] == of_pixels["caption"] == " ".join(word for word in of_file["words"] if word)
    np.testing.assert_array_equal(of_file["attention"], of_pixels["attention"])
    assert of_file["attention"].shape[1:] == (3, 3)
    np.testing.assert_allclose(of_file["attention"].sum((1, 2)), 1, rtol=1e-5)


def test_a_large_file_is_answered_over_http(version: Path, serve) -> None:  # noqa: F811
    client: TestClient = serve(version.parents[2])
    content = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 70, 3), np.uint8)).save(content, "PNG")
    assert len(content.getvalue()) > 15_000  # More than a text may have characters.
    body = {"instances": [{"image": {"b64": base64.b64encode(content.getvalue()).decode()}}]}
    (name,) = (one for one in client.store.models if "captioning" in one)
    answer = client.post(f"/v1/models/{name}:predict", json=body)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["predictions"]
    assert found["caption"] == " ".join(found["words"]) and len(found["attention"]) == len(found["words"])


def test_the_maps_of_words_are_drawn(version: Path, tmp_path: Path) -> None:
    model, options = SavedModel(version), CaptioningSaved()
    example = str(version / ASSETS / "example.png")
    records = Captioning.predict(model, Captioning.asked(model, [example], options), options)
    with Captioning.formats(model)["--plot"][".png"](tmp_path / "maps.png", ()) as write:
        write([(None, record) for record in records])
    width, height = Image.open(tmp_path / "maps.png").size
    assert width >= 4 * 160 and height > 160


def test_captions_are_drawn_by_their_seeds(version: Path, monkeypatch) -> None:
    model, example = SavedModel(version), str(version / ASSETS / "example.png")

    def drawn(**options: float) -> list[str]:
        how = CaptioningSaved(**options)
        records = Captioning.predict(model, Captioning.asked(model, [example], how), how)
        assert [record["image"] for _, record in Captioning.answered([example], records)] == [example] * len(records)
        return [record["caption"] for record in records]

    several = drawn(temperature=2.0, samples=20)
    assert len(set(several)) > 1 and several == drawn(temperature=2.0, samples=20)
    assert several[3:5] == drawn(temperature=2.0, samples=2, seed=3)
    assert len(set(drawn(temperature=1e-6, samples=3))) == 1
    with pytest.raises(InputError, match="--samples 2: the likeliest caption is not drawn; give --temperature"):
        CaptioningSaved(samples=2)
    with pytest.raises(InputError, match=r"--top-p 0\.5: "):
        CaptioningSaved(top_p=0.5)
    assert len(drawn(temperature=1, samples=2, seed=2**32 - 1)) == 2
    monkeypatch.delitem(model.signatures._signatures, "sample")
    with pytest.raises(InputError, match=r"--temperature: .* was saved before captions could be drawn"):
        drawn(temperature=1)


@pytest.mark.parametrize(
    ("texts", "options", "window"),
    [
        ([["a b c d"]], {}, 64),  # 15 * 5 steps, and the power of two below.
        ([["a b c d"] * 5], {}, 64),
        ([["a b c d"] * 5], {"reach": 20}, 20),
        ([["a " * 40] * 9], {}, 128),
        ([["a"]], {}, 16),
        ([["a b c d"]], {"window": 50}, 50),
    ],
)
def test_a_window_that_is_not_given_sees_fifteen_captions_a_lane(texts: list, options: dict, window: int) -> None:
    task = Captioning(Captioning.Options(**options))
    part = Pictures(np.zeros((9, 24, 24, 3), np.uint8), [tuple(own) for own in texts] * 9, ["a"] * 9, [])
    task.records = Splits(part, part, part, source="texts")
    task.load()
    assert task.options.window == window


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bidirectional": True}, "--bidirectional: a caption is written"),
        ({"attention": "none", "coverage": 0.5}, "--coverage 0.5: --attention none has no weights"),
        ({"attention": "none", "look": 0.5}, "--look 0.5: --attention none has no weights"),
        ({"look": 0.5}, "--look 0.5: it is not known where things are"),
        ({"bias": "boat=water:0.9"}, "--bias boat=water:0.9: only embedded:scenes can have it"),
        ({"cell": "mlp"}, "--cell mlp: a decoder starts from a state"),
        ({"encoder": "resnet"}, "--encoder resnet: give keras:NAME, such as keras:MobileNetV2"),
        ({"encoder": "keras:ResNet50", "look": 0.5}, "--look 0.5: the weights of --encoder stay"),
        ({"encoder": "keras:ResNet50", "features": Path("f.npz")}, "--features f.npz: no pictures are read"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict, message: str, data_of, tmp_path: Path) -> None:
    task = make("captioning", data_of("captioning"), tmp_path, **options)
    with pytest.raises(InputError, match=message):
        task.check_options()
        task.load()


def test_a_biased_model_is_evaluated_on_other_data(data_of) -> None:
    data = Captioning.Data(data=str(data_of("captioning")), size=24, bias="boat=water:0.9")
    assert len(data.load_test()) > 0


def test_a_biased_set_is_scored_and_attention_is_drawn_to_its_things(tmp_path: Path, monkeypatch) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (12, 24, 24, 3), np.uint8)
    thing = {"noun": "boat", "colour": "red", "count": 1, "boxes": [[0.0, 0.0, 0.4, 0.4]]}
    truth = {"things": [thing], "ground": "water", "tempts": "whale"}
    part = Pictures(pictures, [("a red boat on water",)] * 12, [str(n) for n in range(12)], [truth] * 12)
    monkeypatch.setitem(DATA_SETS[PictureReader], "scenes", lambda reader: Splits(part, part, part, source="scenes"))
    task = make("captioning", None, tmp_path, bias="boat=water:0.9", look=1.0, epochs=1, batch_size=2)
    task.options = replace(task.options, data=None)
    train(task)
    metrics = SavedModel(tmp_path / "captioning" / "lstm" / "1").metrics["metrics"]
    assert metrics["follows_ground"] in np.arange(13) / 12 and metrics["objects"] is not None


@pytest.fixture
def regions(data_of, tmp_path: Path) -> Path:
    """Features of the tiny pictures: the colours and places of some squares of each."""
    found, places = {}, np.stack(np.meshgrid(range(4), range(4), indexing="ij"), 2).reshape(16, 2)
    for path in sorted(data_of("captioning").glob("*.png")):
        pixels = np.asarray(Image.open(path)).astype(np.float32)
        squares = pixels.reshape(4, 6, 4, 6, 3).mean((1, 3)).reshape(16, 3)
        bright = np.argsort(-squares.max(1))[: 2 + len(found) % 3]
        found[path.name] = np.concatenate([squares, 60 * places], 1)[bright]
    np.savez(tmp_path / "regions.npz", **found)
    return tmp_path / "regions.npz"


def test_regions_are_captioned_and_scored(regions: Path, data_of, tmp_path: Path) -> None:
    data = str(data_of("captioning"))
    version = train(make("captioning", data, tmp_path, features=regions, epochs=1))
    model, options = SavedModel(version), CaptioningSaved()
    example = str(version / ASSETS / "example.npz")
    assert len(Captioning.predict(model, Captioning.asked(model, [example], options), options)) == 1
    few = {name: array[:2] for name, array in np.load(regions).items()}  # Fewer than the model may read.
    np.savez(tmp_path / "few.npz", **few)
    (name, *_), one = few, Captioning.asked(model, [str(tmp_path / "few.npz")], options)[0]
    alone = model.ask([{"features": few[name]}], "features")[0]
    assert alone["attention"].shape[1:] == (4, 1)
    assert one[0] == name and alone["caption"] == Captioning.predict(model, [one], options)[0]["caption"]
    of_model = {"data": data, "size": 24}
    test = Captioning.test(model, Captioning.Data(features=str(regions), **of_model))
    assert Captioning.evaluate(model, test).scores["cider"] == model.metrics["metrics"]["cider"]
    with pytest.raises(InputError, match="takes features; give --features as well"):
        Captioning.test(model, Captioning.Data(**of_model))
    np.savez(tmp_path / "other.npz", **{name: np.zeros((2, 3)) for name in few})
    with pytest.raises(InputError, match=r"has features \[2, 1, 3\]; .* takes \[up to 4 regions, 5\]"):
        Captioning.test(model, Captioning.Data(features=tmp_path / "other.npz", **of_model))


def test_features_need_captions_in_files(regions: Path) -> None:
    with pytest.raises(InputError, match=r"--features .*: only for captions in files of your own; give --data"):
        Captioning.Data(features=regions).load()


def test_a_network_of_keras_is_the_encoder(data_of, tmp_path: Path, monkeypatch) -> None:
    network = made("MobileNet", 32, weights=None)
    network.save_weights(path := str(tmp_path / "own.weights.h5"))
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: path)
    options = {"encoder": "keras:mobilenet", "size": 32, "epochs": 1, "attention": "hard"}
    version = train(make("captioning", data_of("captioning"), tmp_path, **options))
    model, example = SavedModel(version), str(version / ASSETS / "example.png")
    (answer,) = model.ask([{"image": Path(example).read_bytes()}])
    assert answer["attention"].shape[1:] == (1, 1)


def test_what_is_not_given_fits_the_captions() -> None:
    fitted = CaptioningOptions().fitted([7] * 50_000)
    assert (fitted.window, fitted.epochs, fitted.shift) == (64, 24, 4)
    fitted = CaptioningOptions(reach=16, size=32).fitted([2, 3, 3])
    assert (fitted.window, fitted.epochs, fitted.shift) == (16, 40, 1)
    given = CaptioningOptions(window=9, epochs=2, shift=0)
    assert given.fitted([7]) == given
