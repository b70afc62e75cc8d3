"""Shows whether a change of the code changes a trained model: short trainings with a fixed seed on tiny data.

    python benchmarks/same.py before.json              # on the code before
    python benchmarks/same.py after.json before.json   # on the code after: prints what differs

Runs the command line and then the SavedModel alone, so it knows nothing of how the code is arranged.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import run
from common import cells
from tests import tiny

SMALL = "--units 8 --embedding 8 --batch-size 4 --window 16 --epochs 2 --learning-rate 0.01"
OWN = {
    "sentiment": "",
    "pos": "",
    "translation": "--source-language en --target-language fr --vocabulary 400 --beam 2 --batch-size 16",
    "forecasting": "--horizon 6 --segment 4 --seasons 8 24 --known heat",
}
VARIANTS = {
    "sentiment": (
        "--bidirectional --layers 2 --residual",
        "--readout last --recurrent-dropout 0.2",
        "--supervise rising --window 4 --reach 8",
        "--xla",
        "--cell mlp",
    ),
    "pos": (
        "--crf",
        "--characters 0 --no-affixes --cell gru",
        "--no-bidirectional --window 4 --crf --column xpos",
        "--xla",
    ),
    "translation": (
        "--no-bidirectional --attention additive --window 4 --layers 2",
        "--attention none --scheduled-sampling 0.5 --cell gru",
        "--no-bidirectional --reach 24",
        "--xla",
    ),
    "forecasting": (
        "--layers 2 --residual --horizon 9",
        "--head recursive --cell gru",
        "--head direct --segment 1 --no-calendar",
        "--empty-known --empty-seasons --context 40 --point mae --levels 8 40",
        "--xla --reach 24",
    ),
}


def questions(task: str, data: Path) -> dict[str, dict[str, np.ndarray]]:
    """The inputs of each signature, all from the same test data."""
    if task == "sentiment":
        with (data / "test.csv").open() as file:
            return {"serving_default": {"text": np.array([row["text"] for row in csv.DictReader(file)] + [""])}}
    if task == "pos":
        sentences = [
            [line.split("\t")[1] for line in block.splitlines() if line[0].isdigit() and "-" not in line.split("\t")[0]]
            for block in (data / "test.conllu").read_text().strip().split("\n\n")
        ]
        width = max(map(len, sentences))
        return {
            "serving_default": {"tokens": np.array([words + [""] * (width - len(words)) for words in sentences])},
            "text": {"text": np.array([" ".join(words) for words in sentences])},
        }
    if task == "translation":
        texts = np.array((data / "test.en").read_text().splitlines() + [""])
        references = np.array((data / "test.fr").read_text().splitlines() + [""])
        return {
            "serving_default": {"text": texts},
            "beam": {"text": texts, "beam": np.int32(1)},
            "attention": {"text": texts, "beam": np.int32(2)},
            "likelihood": {"text": texts, "translation": references},
        }
    with data.open() as file:
        rows = list(csv.DictReader(file))
    history = np.array([[float(row["load"])] for row in rows[:301]], np.float32)[None]
    known = np.array([[float(row["heat"])] for row in rows], np.float32)[None]
    start = np.array([np.datetime64(rows[0]["time"], "s").astype(np.int64)])
    inputs = {"history": history, "known": known, "start": start}
    return {"serving_default": inputs, "backtest": inputs}


def answers(version: Path, task: str, data: Path) -> dict[str, list]:
    import tensorflow as tf

    model, found = tf.saved_model.load(str(version)), {}
    for name, inputs in questions(task, data).items():
        signature = model.signatures[name]
        needed = signature.structured_input_signature[1]
        given = {k: v for k, v in inputs.items() if k in needed}
        if "known" in given:
            horizon = json.loads((version / "assets.extra" / "config.json").read_text())["horizon"]
            given["known"] = given["known"][:, : given["history"].shape[1] + horizon]
        out = signature(**{k: tf.constant(v, needed[k].dtype) for k, v in given.items()})
        for key in sorted(out):
            values = out[key].numpy().ravel().tolist()
            found[f"{name}.{key}"] = [v.decode() if isinstance(v, bytes) else v for v in values]
    return found


def flags(words: str) -> dict[str, list[str]]:
    """The values of each option on a command line."""
    found: dict[str, list[str]] = {}
    for word in words.split():
        found.setdefault(word, []) if word.startswith("--") else found[next(reversed(found))].append(word)
    return found


def measured(task: str, words: str, data: Path) -> dict:
    with tempfile.TemporaryDirectory() as output:
        options = flags(SMALL) | flags(OWN[task]) | flags(words)
        options = {flag: values for flag, values in options.items() if f"--empty-{flag[2:]}" not in options}
        cell = options.get("--cell", ["lstm"])[0]
        given = [word for flag, values in options.items() for word in (flag, *values)]
        code = run.main([task, "train", "--data", str(data), "--output", output, *given])
        assert code == 0, (task, words)
        version = Path(output) / task / cell / "1"
        metrics = json.loads((version / "assets.extra" / "metrics.json").read_text())
        with (version / "assets.extra" / "history.csv").open() as file:
            history = [
                {k: float(v) for k, v in row.items() if k not in ("seconds", "first_step")}
                for row in csv.DictReader(file)
            ]
        return {
            "parameters": metrics["parameters"],
            "metrics": metrics["metrics"],
            "baselines": metrics["baselines"],
            "history": history,
            "answers": answers(version, task, data),
        }


def difference(a: object, b: object) -> float:
    """The largest difference between two nests of numbers; infinite if they differ in anything else."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return max((difference(a[k], b[k]) for k in a), default=0.0)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return max(map(difference, a, b), default=0.0)
    if a == b or (a != a and b != b):
        return 0.0
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b)
    return float("inf")


def main(path: Path, before: Path | None = None) -> int:
    old = json.loads(before.read_text()) if before else {}
    found, lines = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for task, make in tiny.DATA.items():
            where = Path(folder) / task
            where.mkdir()
            data = make(where)
            for words in [f"--cell {cell}" for cell in cells.names()] + list(VARIANTS[task]):
                name = f"{task} {words}"
                found[name] = json.loads(json.dumps(measured(task, words, data)))
                if name in old:
                    parts = {part: difference(found[name][part], old[name].get(part)) for part in found[name]}
                    lines.append((name, *parts.values()))
    path.write_text(json.dumps(found))
    if old:
        print("\n| run | parameters | metrics | baselines | history | answers |\n|---|---|---|---|---|---|")
        for name, *parts in lines:
            print(f"| {name} | {' | '.join('equal' if d == 0 else f'{d:.2g}' for d in parts)} |")
        for name in sorted(old.keys() ^ found.keys()):
            print(f"only {'before' if name in old else 'after'}: {name}")
    return int(any(any(parts) for _, *parts in lines) or bool(old and old.keys() != found.keys()))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
