"""The memory that is free."""

from __future__ import annotations

from pathlib import Path

MEMINFO = Path("/proc/meminfo")
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def available() -> float | None:
    """Bytes of memory that this process may still take; None where the system does not say."""
    if not MEMINFO.is_file():
        return None
    kilobytes = next(line.split()[1] for line in MEMINFO.read_text().splitlines() if line.startswith("MemAvailable"))
    limits = [path.read_text().strip() for path in LIMITS if path.is_file()]
    return min([int(kilobytes) * 1024, *(int(limit) for limit in limits if limit.isdecimal())])
