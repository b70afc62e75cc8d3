"""Seeds by name."""

from __future__ import annotations

import hashlib


def seed_for(seed: int, name: str) -> int:
    """A seed of its own for each use, such as `seed_for(seed, "recurrent kernel")`, so that no two draw the same."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4], "big") >> 1
