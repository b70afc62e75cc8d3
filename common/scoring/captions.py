"""Captions of test pictures, and their scores."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from common.scoring import Scores
from common.scoring.items import Items
from common.scoring.translation import Model
from common.sources.embedded.scene_words import OPPOSITE, SINGULAR, Claim, claimed
from common.sources.features import as_given
from common.sources.pictures import Pictures
from common.text.captions import words_of

Truth = Mapping[str, Any]
"""What is in a scene: its `things`, each with `noun`, `colour`, `count` and `boxes`, and more."""
SHOWN = 8
"""Number of examples in a report."""
LONGEST_NGRAM = 4


class Written(NamedTuple):
    """What a captioner wrote.

    Attributes:
        caption: The caption.
        words: Its words.
        attention: The weight of each cell of the grid at each word, `[words, rows, columns]`; None where there is none.
    """

    caption: str
    words: Sequence[str]
    attention: np.ndarray | None = None

    @classmethod
    def of(cls, caption: str) -> Self:
        """A caption that attended to nothing."""
        return cls(caption, words_of(caption))


class Captions:
    """Captions of test pictures.

    Args:
        written: What was written of each picture.
        pictures: The pictures, with their captions, and what is in them where that is known.
        model: The model that wrote them, for further captions; None for other methods.
        encode: From `Pictures.views` to a vector of each, `[N, width]`; None for a saved model.
    """

    def __init__(
        self,
        written: Sequence[Written],
        pictures: Pictures,
        *,
        model: Model | None = None,
        encode: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.written = written
        self.pictures = pictures
        self.model = model
        self.encode = encode

    @classmethod
    def of(cls, model: Model, pictures: Pictures, **more: Any) -> Self:
        """The captions that a model writes."""
        return cls(written_by(model, pictures.views), pictures, model=model, **more)

    def others(self, captions: Sequence[str]) -> Captions:
        """Captions of another method for the same pictures."""
        return Captions([Written.of(caption) for caption in captions], self.pictures)

    def scores(self) -> Scores:
        """BLEU-1 to 4 of sacrebleu, CIDEr-D of pycocoevalcap, and what is right where the truth is known."""
        from sacrebleu.metrics import BLEU

        predictions = [" ".join(one.words) for one in self.written]
        references = [[" ".join(words_of(caption)) for caption in captions] for captions in self.pictures.captions]
        most = max(map(len, references))
        streams = [[own[n] if n < len(own) else None for own in references] for n in range(most)]
        found = {
            f"bleu_{n}": BLEU(max_ngram_order=n, tokenize="none", force=True).corpus_score(predictions, streams).score
            for n in range(1, LONGEST_NGRAM + 1)
        }
        return found | {"cider": float(np.mean(self.ciders))} | self._right()

    @cached_property
    def ciders(self) -> np.ndarray:
        """CIDEr-D of each picture (Vedantam, Zitnick & Parikh 2015, "CIDEr: Consensus-based Image Description
        Evaluation", equation 11), 0 to 10."""
        from pycocoevalcap.cider.cider_scorer import CiderScorer

        scorer = CiderScorer()
        for one, captions in zip(self.written, self.pictures.captions):
            scorer += (" ".join(one.words), [" ".join(words_of(caption)) for caption in captions])
        return np.array(scorer.compute_score()[1])

    def _right(self) -> Scores:
        """The share of pictures whose caption is right.

        Where the truth is not known: `exact`, those whose words are all those of a reference. Where it is: those whose
        objects, counts, colours and relations are right, and the share of words that look right. The share of words is
        of those that name an object that is there: right, if the cell with the largest weight lies on such an object.
        Where scenes tempt to name an object by their ground, `follows_ground` is the share of them that do.
        """
        truths = self.pictures.truths
        if not truths:
            said = [[words_of(caption) for caption in captions] for captions in self.pictures.captions]
            return {"exact": _mean([list(one.words) in own for one, own in zip(self.written, said)])}
        rows = [right(claimed(" ".join(one.words)), truth) for one, truth in zip(self.written, truths)]
        names = ("objects", "counts", "colours", "relations", "exact")
        found = {name: _mean([row[name] for row in rows if name in row]) for name in names}
        tempted = [
            truth["tempts"] in claimed(" ".join(one.words)).things
            for one, truth in zip(self.written, truths)
            if "tempts" in truth
        ]
        if tempted:
            found["follows_ground"] = _mean(tempted)
        looks = [look for one, truth in zip(self.written, truths) for look in looking(one, truth)]
        return found | {"attention": _mean(looks)}

    def items(self) -> Items:
        """CIDEr-D of each picture."""
        return Items.of_means(self.ciders)

    def report(self) -> str:
        """Some captions beside those that people gave."""
        lines = []
        for n in range(0, len(self.written), max(len(self.written) // SHOWN, 1))[:SHOWN]:
            lines += [f"  {self.pictures.names[n]}", f"    written    {self.written[n].caption}"]
            lines += [f"    reference  {caption}" for caption in self.pictures.captions[n][:2]]
        return "\n".join(lines)

    def rows(self) -> list[dict[str, Any]]:
        """Each caption beside its references."""
        return [
            {"image": name, "caption": one.caption, "references": list(captions)}
            for name, one, captions in zip(self.pictures.names, self.written, self.pictures.captions)
        ]

    def write(self, path: Path) -> None:
        """Writes the captions as a table."""
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.DictWriter(file, ("image", "caption", "references"))
            rows.writeheader()
            rows.writerows(row | {"references": " | ".join(row["references"])} for row in self.rows())


def written_by(model: Model, views: np.ndarray) -> list[Written]:
    """What a model, an `Export` or a `SavedModel`, writes of pictures, as `Pictures.views`."""
    return [written(answer) for answer in model.ask(*asked(views), what="captioning")]


def asked(views: Sequence[np.ndarray]) -> tuple[list[dict[str, Any]], str]:
    """What a captioner is asked of pictures, and by which signature."""
    if views[0].dtype == np.uint8:
        return [{"pixels": one} for one in views], "pixels"
    return [{"features": as_given(one)} for one in views], "features"


def written(answer: Mapping[str, Any]) -> Written:
    """An answer of a captioner, without what pads it."""
    words = [word for word in answer["words"] if word]
    return Written(answer["caption"], words, answer["attention"][: len(words)])


def right(claim: Claim, truth: Truth) -> dict[str, bool]:
    """What a caption says right of a scene: relations only where there are two things."""
    things = {thing["noun"]: thing for thing in truth["things"]}
    objects = claim.things.keys() == things.keys() and not claim.repeated
    counts = objects and all(claim.things[noun][0] == thing["count"] for noun, thing in things.items())
    colours = objects and all(claim.things[noun][1] == thing["colour"] for noun, thing in things.items())
    found = {"objects": objects, "counts": counts, "colours": colours}
    if "relation" in truth:
        (a, b), side = list(things), truth["relation"]
        found["relations"] = claim.relation in ((a, side, b), (b, OPPOSITE[side], a))
    return found | {"exact": all(found.values())}


def looking(one: Written, truth: Truth) -> list[bool]:
    """For each word that names a thing of a scene, whether the cell with the largest weight lies on such a thing."""
    boxes = {thing["noun"]: thing["boxes"] for thing in truth["things"]}
    if one.attention is None or not one.attention.any():
        return []
    found = []
    for word, weights in zip(one.words, one.attention):
        if (noun := SINGULAR.get(word)) in boxes:
            rows, columns = weights.shape
            row, column = divmod(int(weights.argmax()), columns)
            cell = (column / columns, row / rows, (column + 1) / columns, (row + 1) / rows)
            found.append(any(_meet(cell, box) for box in boxes[noun]))
    return found


def things_named(words: Sequence[str], truth: Truth) -> np.ndarray:
    """The thing of a scene that each word names, counted from 1; 0 is none."""
    numbers = {thing["noun"]: number for number, thing in enumerate(truth["things"], 1)}
    return np.array([numbers.get(SINGULAR.get(word, word), 0) for word in words], np.int32)


def cells_of_things(truths: Sequence[Truth], rows: int) -> np.ndarray:
    """1 at the cells of a grid on which each thing of a scene lies, uint8 `[scenes, things, cells]`."""
    found = np.zeros((len(truths), max(len(truth["things"]) for truth in truths), rows, rows), np.uint8)
    for own, truth in zip(found, truths):
        for cells, thing in zip(own, truth["things"]):
            for left, top, right, bottom in np.array(thing["boxes"]) * rows:
                cells[int(top) : math.ceil(bottom), int(left) : math.ceil(right)] = 1
    return found.reshape(*found.shape[:2], -1)


def _meet(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two rectangles, left, top, right and bottom, have a part in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _mean(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if values else math.nan
