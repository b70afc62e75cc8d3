"""What XLA compiles, kept for later runs."""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from common.sources.wheels import cache_directory

PROCESSOR = Path("/proc/cpuinfo")
KIND = ("vendor_id", "cpu family", "model", "model name", "flags", "CPU implementer", "CPU part", "Features")
"""What Linux says about a processor on x86 and on ARM that decides which instructions suit it."""
OPTION = "--tf_xla_persistent_cache_"


def keep_compiled() -> None:
    """Makes TensorFlow keep what XLA compiles for processors in the cache of the suite, and use what is there.

    To be called before TensorFlow is imported, which reads its flags once. Nothing is kept where the cache cannot be
    written to, or where the kind of processor is not known. A cache that `TF_XLA_FLAGS` names already is left as it is.
    """
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if OPTION in flags or not PROCESSOR.is_file():
        return
    folder = cache_directory() / "xla" / machine(PROCESSOR.read_text())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        os.environ["TF_XLA_FLAGS"] = f'{flags} {OPTION}directory="{folder}" {OPTION}device_types=CPU'


def machine(processors: str) -> str:
    """The name of all that decides, besides a program, what XLA makes of it.

    TensorFlow looks for the program alone. It would run what another kind of processor compiled, with other results.

    Args:
        processors: What Linux says about the processors.
    """
    first = processors.partition("\n\n")[0].splitlines()
    kind = [line for line in first if line.partition(":")[0].strip() in KIND]
    decides = [version("tensorflow"), *kind, str(len(os.sched_getaffinity(0))), os.environ.get("XLA_FLAGS", "")]
    return hashlib.sha256("\n".join(decides).encode()).hexdigest()[:12]
