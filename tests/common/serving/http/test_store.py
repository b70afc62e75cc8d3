"""Models come, are replaced and go, with a loader that loads nothing."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path

import pytest

from common.serving.http.catalogue import Catalogue, Version
from common.serving.http.refusals import Refused
from common.serving.http.store import Store
from tests.common.serving.http.test_catalogue import made


class Loaded:
    """Stands for a model in memory."""

    def __init__(self, version: Version) -> None:
        if (version.folder / "broken").exists():
            raise ValueError("no graph in it\nand more")
        self.version, self.retired = version, False

    def retire(self) -> None:
        self.retired = True


def states(store: Store, name: str) -> list[tuple[str, str]]:
    return [(one["version"], one["state"]) for one in store.status(name)["model_version_status"]]


def test_newer_versions_replace_older_ones_and_what_is_removed_goes(tmp_path: Path) -> None:
    lines: list[str] = []
    root = made(tmp_path / "pos" / "lstm" / "1").parent

    async def main() -> None:
        store = Store(Catalogue(tmp_path), load=Loaded, say=lines.append)
        await store.refresh()
        first = store.find("pos_lstm")
        assert store.ready and states(store, "pos_lstm") == [("1", "AVAILABLE")]
        await store.refresh()
        assert store.find("pos_lstm", 1) is first
        made(root / "2")
        await store.refresh()
        assert store.find("pos_lstm").version.number == 2 and first.retired
        with pytest.raises(Refused, match=r"Servable not found for request: Specific\(pos_lstm, 1\)"):
            store.find("pos_lstm", 1)
        shutil.rmtree(root / "2")
        await store.refresh()
        assert store.find("pos_lstm").version.number == 1
        shutil.rmtree(root)
        await store.refresh()
        with pytest.raises(Refused, match=r"Servable not found for request: Latest\(pos_lstm\)"):
            store.find("pos_lstm")
        with pytest.raises(Refused, match="Could not find any versions of model pos_lstm"):
            store.status("pos_lstm")

    asyncio.run(main())
    assert lines[-1] == "pos_lstm: gone"


def test_a_version_that_cannot_be_loaded_leaves_the_older_one_and_is_tried_again_when_it_changes(
    tmp_path: Path,
) -> None:
    lines: list[str] = []
    root = made(tmp_path / "pos" / "lstm" / "1").parent

    async def main() -> None:
        store = Store(Catalogue(tmp_path), load=Loaded, say=lines.append)
        await store.refresh()
        folder = made(root / "2")
        (folder / "broken").touch()
        for _ in range(3):
            await store.refresh()
        assert store.find("pos_lstm").version.number == 1
        assert states(store, "pos_lstm") == [("2", "END"), ("1", "AVAILABLE")]
        found = store.status("pos_lstm", 2)["model_version_status"][0]["status"]
        assert found == {"error_code": "UNKNOWN", "error_message": "no graph in it"}
        assert len([line for line in lines if "cannot be loaded: no graph in it" in line]) == 1
        (folder / "broken").unlink()
        (folder / "variables" / "variables.index").touch()
        await store.refresh()
        assert states(store, "pos_lstm") == [("2", "AVAILABLE")]

    asyncio.run(main())


def test_a_model_that_is_being_loaded_is_unavailable_rather_than_unknown(tmp_path: Path) -> None:
    made(tmp_path / "pos" / "lstm" / "1")
    go = threading.Event()

    def load(version: Version) -> Loaded:
        assert go.wait(30)
        return Loaded(version)

    async def main() -> None:
        store = Store(Catalogue(tmp_path), load=load)
        refreshing = asyncio.create_task(store.refresh())
        while not store._loading:
            await asyncio.sleep(0.01)
        assert not store.ready and states(store, "pos_lstm") == [("1", "LOADING")]
        with pytest.raises(Refused) as refused:
            store.find("pos_lstm")
        assert refused.value.status == 503
        go.set()
        await refreshing
        assert states(store, "pos_lstm") == [("1", "AVAILABLE")]

    asyncio.run(main())
