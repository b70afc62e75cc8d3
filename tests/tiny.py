"""Tiny data sets, made on the spot, on which every task can train in seconds."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np

GOOD, BAD = ("warm", "funny", "moving", "great"), ("dull", "tedious", "awful", "stale")
FILLER = ("the", "film", "story", "acting", "it", "was", "and", "a", "plot", "with")


def sentiment(folder: Path) -> Path:
    """Texts whose class is that of the one word of opinion in them."""
    draw = random.Random(0)
    for split, size in (("train", 240), ("dev", 60), ("test", 60)):
        with (folder / f"{split}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("text", "label"))
            for number in range(size):
                label, opinions = (("pos", GOOD), ("neg", BAD))[number % 2]
                words = draw.choices(FILLER, k=draw.randint(2, 12))
                words.insert(draw.randint(0, len(words)), draw.choice(opinions))
                rows.writerow((" ".join(words), label))
    return folder


ENDINGS = {"NOUN": "ka", "VERB": "to", "ADJ": "li"}


def pos(folder: Path) -> Path:
    """Sentences in CoNLL-U whose words' endings say their tags; the first two are also written as one."""
    draw = random.Random(0)
    for split, size in (("train", 240), ("dev", 60), ("test", 60)):
        with (folder / f"{split}.conllu").open("w") as file:
            for number in range(size):
                tags = draw.choices(list(ENDINGS), k=draw.randint(2, 12))
                words = ["".join(draw.choices("bdgmnr", k=3)) + ENDINGS[tag] for tag in tags]
                lines = [f"# sent_id = {number}", "\t".join(["1-2", words[0] + words[1], *"_" * 8])]
                rows = zip([*words, "."], [*tags, "PUNCT"])
                lines += ["\t".join([str(n), w, "_", tag, f"X{tag}", *"_" * 5]) for n, (w, tag) in enumerate(rows, 1)]
                file.write("\n".join(lines) + "\n\n")
    return folder


def forecasting(folder: Path) -> Path:
    """A seasonal series with a covariate known ahead; in a second file its last rows have no values."""
    draw = np.random.default_rng(0)
    at = np.arange(1200)
    heat = (draw.normal(size=1200) > 0).astype(int)
    load = 10 + 2 * np.sin(2 * np.pi * at / 8) + 3 * heat + 0.1 * draw.normal(size=1200)
    times = np.datetime_as_string(np.datetime64("2024-01-01T00:00") + at * np.timedelta64(1, "h"))
    for name, known in (("all", 1200), ("ahead", 1000)):
        rows = [f"{t},{y:.4f},{h}" if n < known else f"{t},,{h}" for n, (t, y, h) in enumerate(zip(times, load, heat))]
        (folder / f"{name}.csv").write_text("\n".join(["time,load,heat", *rows]) + "\n")
    return folder / "all.csv"


WORDS = {"red": "rouge", "big": "grand", "old": "vieux", "cat": "chat", "dog": "chien", "house": "maison"}


def translation(folder: Path) -> Path:
    """Sentences translated word by word, the last word first, and a placeholder now and then."""
    draw = random.Random(0)
    for split, size in (("train", 600), ("dev", 40), ("test", 40)):
        pairs = []
        for number in range(size):
            words = draw.choices(list(WORDS), k=draw.randint(1, 4))
            placeholder = [f"%(n{number % 7})s"] if number % 4 == 0 else []
            pairs.append((" ".join(words + placeholder), " ".join(placeholder + [WORDS[w] for w in words[::-1]])))
        for n, language in enumerate(("en", "fr")):
            (folder / f"{split}.{language}").write_text("".join(pair[n] + "\n" for pair in pairs))
    return folder


def language_model(folder: Path) -> Path:
    """Lines of words that each come twice, so that the second is known once it has begun."""
    draw = random.Random(0)
    for split, size in (("train", 200), ("dev", 50), ("test", 50)):
        words = ["".join(draw.choices("bdgmnr", k=1)) + draw.choice(list(ENDINGS.values())) for _ in range(size)]
        (folder / f"{split}.txt").write_text("".join(f"{word} {word}.\n" for word in words))
    return folder


def signals(folder: Path) -> Path:
    """Two columns whose first rises or falls over the steps, by its class; the second is noise."""
    draw = np.random.default_rng(0)
    for split, size in (("train", 160), ("dev", 48), ("test", 48)):
        rows = ["sequence_id,level,noise,label"]
        for number in range(size):
            steps, slope = draw.integers(4, 14), (1, -1)[number % 2]
            values = slope * np.linspace(-1, 1, steps) + 0.2 * draw.normal(size=steps)
            rows += [f"{split}{number},{v:.4f},{draw.normal():.4f},{('up', 'down')[number % 2]}" for v in values]
        (folder / f"{split}.csv").write_text("\n".join(rows) + "\n")
    return folder


def captioning(folder: Path) -> Path:
    """Pictures of a bright square in a corner, whose captions say its colour and its corner."""
    from PIL import Image

    draw = np.random.default_rng(0)
    colours = {"red": (255, 40, 40), "green": (40, 255, 40), "blue": (40, 40, 255)}
    for split, size in (("train", 120), ("dev", 24), ("test", 24)):
        rows = ["image,caption"]
        for number in range(size):
            colour, right, low = draw.choice(list(colours)), draw.integers(2), draw.integers(2)
            pixels = draw.integers(0, 60, (24, 24, 3), np.uint8)
            pixels[12 * low + 2 : 12 * low + 10, 12 * right + 2 : 12 * right + 10] = colours[str(colour)]
            Image.fromarray(pixels).save(folder / f"{split}{number}.png")
            corner = f"{('top', 'bottom')[low]} {('left', 'right')[right]}"
            rows += [f"{split}{number}.png,{colour} {corner}", f"{split}{number}.png,A {colour} square {corner}."]
        (folder / f"{split}.csv").write_text("\n".join(rows) + "\n")
    return folder


def question_answering(folder: Path) -> Path:
    """Pictures of a bright square at the left or the right; questions after its colour and its side."""
    from PIL import Image

    draw = np.random.default_rng(0)
    colours = {"red": (255, 40, 40), "green": (40, 255, 40)}
    for split, size in (("train", 120), ("dev", 24), ("test", 24)):
        rows = ["image,question,answer"]
        for number in range(size):
            colour, right = str(draw.choice(list(colours))), int(draw.integers(2))
            pixels = draw.integers(0, 60, (24, 24, 3), np.uint8)
            pixels[6:16, 12 * right + 2 : 12 * right + 10] = colours[colour]
            name = f"{split}{number}.png"
            Image.fromarray(pixels).save(folder / name)
            asked = str(draw.choice(list(colours)))
            rows += [f"{name},What colour is it?,{colour}", f"{name},Is it {asked}?,{('no', 'yes')[asked == colour]}"]
            rows += [f"{name},Where is it?,{('left', 'right')[right]}"]
        (folder / f"{split}.csv").write_text("\n".join(rows) + "\n")
    return folder


DATA = {
    **{"sentiment": sentiment, "pos": pos, "translation": translation, "forecasting": forecasting},
    "language_model": language_model,
    "signals": signals,
    "captioning": captioning,
    "question_answering": question_answering,
}

SMALL = {"units": 8, "embedding": 8, "batch_size": 4, "window": 16, "epochs": 2, "passes": 1, "learning_rate": 0.01}
OPTIONS = {
    "sentiment": SMALL,
    "pos": SMALL | {"characters": 8},
    "translation": SMALL
    | {"source_language": "en", "target_language": "fr", "vocabulary": 400, "beam": 2, "batch_size": 16},
    "forecasting": SMALL | {"horizon": 6, "segment": 4, "seasons": (8, 24), "known": ("heat",)},
    "language_model": SMALL | {"layers": 1, "schedule": "inverse"},
    "captioning": SMALL
    | {"schedule": "inverse", "learning_rate": 0.003, "size": 24, "width": 8, "beam": 2, "longest": 8},
    "question_answering": SMALL | {"size": 24, "width": 8, "hidden": 16, "schedule": "inverse"},
    "signals": {name: value for name, value in SMALL.items() if name != "embedding"},
}
"""Options with which a task trains on its tiny data in seconds."""
