"""Scores of a task: every cell with several seeds on one data set, beside the baselines.

Usage: python benchmarks/accuracy.py TASK [--seeds 3] [--cells lstm gru] [--output FOLDER] [options of run.py TASK]

Prints a Markdown table for docs/results.md. Each run is a process of its own, so that memory is its own too.
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

import tasks
from common import cells
from common.serving import export, saved_models


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=list(tasks.TASKS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cells", nargs="+", default=list(cells.names()), choices=cells.names())
    parser.add_argument("--output", type=Path, default=Path(tempfile.mkdtemp()))
    chosen, options = parser.parse_known_args()

    rows: dict[str, list[dict]] = {}
    for cell in chosen.cells:
        for seed in range(chosen.seeds):
            command = ["run.py", chosen.task, "train", "--cell", cell, "--seed", str(seed)]
            command += ["--output", str(chosen.output.resolve()), *options]
            print("$ python", " ".join(command), flush=True)
            subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
            version = saved_models.find(chosen.output.resolve(), chosen.task, cell)
            metrics = (version / export.ASSETS / "metrics.json").read_text()
            rows.setdefault(cell, []).append(json.loads(metrics.replace(": null", ": NaN")))  # As `format` takes it.

    one = next(iter(rows.values()))[0]
    first, *rest = one["metrics"]
    print(f"\n{one['data']}\n")
    print(
        f"| method | parameters | {first}, by seed | mean | {' | '.join(rest)} | epochs | minutes | steps/s | peak MB |"
    )
    print("|---" * (len(rest) + 8) + "|")
    for name, scores in one["baselines"].items():
        print(f"| {name} | | {scores[first]:.4f} | | {' | '.join(f'{scores[m]:.4f}' for m in rest)} | | | | |")
    for cell, runs in rows.items():

        def mean(kind: str, name: str, runs: list[dict] = runs) -> float:
            return statistics.mean(run[kind][name] for run in runs)

        by_seed = " / ".join(f"{run['metrics'][first]:.4f}" for run in runs)
        others = " | ".join(f"{mean('metrics', metric):.4f}" for metric in rest)
        print(
            f"| {cell} | {runs[0]['parameters']:,} | {by_seed} "
            f"| {mean('metrics', first):.4f} | {others} "
            f"| {mean('training', 'epochs'):.0f} | {mean('training', 'seconds') / 60:.1f} "
            f"| {mean('training', 'tokens_per_second'):,.0f} | {mean('training', 'peak_memory_mb'):,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
