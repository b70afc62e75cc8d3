"""Seeds by name."""

from __future__ import annotations

import hashlib


def seed_for(seed: int, name: str) -> int:
    """The seed of one use, such as `seed_for(seed, "recurrent kernel")`; different uses draw different numbers."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4], "big") >> 1
