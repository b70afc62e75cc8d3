"""What a short window costs a bidirectional tagger: test accuracy by window, on as many words a step.

Usage: python benchmarks/windows.py [--seeds 3] [--figure PNG] [--output FOLDER] [options of run.py pos]

A sentence longer than the window is read backwards only inside each window while training; forwards its state is
carried. Tests read it whole.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from common.serving import export, saved_models

WINDOWS = (4, 8, 16, 32, 64)
WORDS_A_STEP = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--figure", type=Path, default=ROOT / "docs" / "figures" / "pos_window.png")
    parser.add_argument("--output", type=Path, default=Path(tempfile.mkdtemp()))
    chosen, options = parser.parse_known_args()

    found: dict[int, list[dict[str, float]]] = {}
    for window in WINDOWS:
        for seed in range(chosen.seeds):
            output = chosen.output.resolve() / str(window)
            command = f"run.py pos train --xla --epochs 15 --window {window} --seed {seed}".split()
            command += ["--batch-size", str(WORDS_A_STEP // window), "--output", str(output), *options]
            print("$ python", " ".join(command), flush=True)
            subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
            metrics = saved_models.find(output, "pos") / export.ASSETS / "metrics.json"
            found.setdefault(window, []).append(json.loads(metrics.read_text())["metrics"])

    print(f"\n| window | {' | '.join(map(str, found))} |\n{'|---' * (len(found) + 1)}|")
    for metric in found[WINDOWS[0]][0]:
        means = [statistics.mean(scores[metric] for scores in runs) for runs in found.values()]
        print(f"| {metric}, mean | {' | '.join(f'{mean:.4f}' for mean in means)} |")
    accuracy = {window: [scores["accuracy"] for scores in runs] for window, runs in found.items()}
    by_seed = (" / ".join(f"{share:.4f}" for share in runs) for runs in accuracy.values())
    print(f"| accuracy, by seed | {' | '.join(by_seed)} |")
    draw(accuracy, chosen.figure)
    print(f"drawn: {chosen.figure}")


def draw(accuracy: dict[int, list[float]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    ax = figure.subplots()
    ax.plot(list(accuracy), [100 * statistics.mean(runs) for runs in accuracy.values()], marker="o", label="mean")
    points = [(window, 100 * share) for window, runs in accuracy.items() for share in runs]
    ax.scatter(*zip(*points), color="grey", s=14, zorder=3, label="a seed")
    ax.legend()
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(accuracy), [str(window) for window in accuracy])
    ax.set(xlabel="window of training, words", ylabel="test accuracy, %")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
