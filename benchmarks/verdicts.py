"""How often `compare` is right: simulated studies with and without a difference between two arms.

    python benchmarks/verdicts.py [--studies 100] [--gaps 0 0.1 0.2 0.4]

Test items differ in difficulty, seeds in skill, arms in what items suit them, and a network's answer to an item is
partly chance. The arms differ in skill by a given amount. Prints, for each number of seeds and each difference, the
share of studies whose verdict shows a difference: by seeds and test items, and by seeds alone. The latter is above 5 %
without a difference in skill, where the items of a test happen to suit one arm. Takes ten minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from common.scoring.items import Items
from common.studies.statistics import differences

Sides = tuple[dict[int, float], dict[int, float]]


def simulated(draw: np.random.Generator, *, gap: float, seeds: int = 5, items: int = 400) -> tuple[Sides, tuple]:
    """Scores and items of two arms on one test.

    Args:
        draw: Draws the study.
        gap: By how much the first arm is more skilled, in logits.
        seeds: Number of seeds of each arm.
        items: Number of test items.

    Returns:
        The scores of both arms by seed, and what each item contributes to them.
    """
    difficulty, suits = draw.normal(1, 1.2, items), draw.normal(0, 0.3, (2, items))
    scores, contributions = ({}, {}), ({}, {})
    for seed in range(seeds):
        for side, skill in enumerate((gap, 0.0)):
            logits = difficulty + suits[side] + skill + draw.normal(0, 0.12) + draw.normal(0, 0.5, items)
            one = Items.of_means(draw.random(items) < 1 / (1 + np.exp(-logits)))
            scores[side][seed], contributions[side][seed] = float(one.sums[:, 0].mean()), one
    return scores, contributions


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=100, help="studies a row")
    parser.add_argument("--gaps", type=float, nargs="+", default=(0.0, 0.1, 0.2, 0.4), help="differences in logits")
    given = parser.parse_args()
    print("| seeds | test items | difference in skill, points | shown | shown by seeds alone |")
    print("|---:|---:|---:|---:|---:|")
    for seeds, items in ((3, 1281), (5, 1281), (10, 1281), (5, 5000)):
        for gap in given.gaps:
            draw = np.random.default_rng(5)
            shown, alone, sizes = [], [], []
            for _ in range(given.studies):
                scores, contributions = simulated(draw, gap=gap, seeds=seeds, items=items)
                shown.append(differences({"arm": scores}, {"arm": contributions})["arm"].shown)
                alone.append(differences({"arm": scores})["arm"].shown)
                sizes.append(np.mean(list(scores[0].values())) - np.mean(list(scores[1].values())))
            points = 100 * np.mean(sizes)
            print(f"| {seeds} | {items:,} | {points:.1f} | {np.mean(shown):.1%} | {np.mean(alone):.1%} |", flush=True)


if __name__ == "__main__":
    main()
