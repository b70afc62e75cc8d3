"""What tests of sources share: the cache of fetched wheels and prepared data, and no network where none is wanted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this session that all its processes use."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "sources"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def embedded_cache(shared_folder: Path) -> Iterator[Path]:
    """The cache that embedded data sets are fetched into, new in every session and fetched once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(shared_folder))
        yield shared_folder


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that answers no request."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
