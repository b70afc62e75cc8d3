"""Seeds by name."""

from __future__ import annotations

from common.cells.seeds import seed_for


def test_each_use_has_a_seed_of_its_own_that_stays() -> None:
    names = [f"{what} {n}" for what in ("forward", "backward", "dropout") for n in range(50)]
    seeds = {(seed, name): seed_for(seed, name) for seed in range(20) for name in names}
    assert len(set(seeds.values())) == len(seeds)
    assert all(0 <= value < 2**31 for value in seeds.values())
    assert seed_for(0, "kernel") == 85997593
