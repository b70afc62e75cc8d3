"""The models in memory: newer versions replace older ones while requests are answered."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common.serving.http.catalogue import Catalogue, Version
from common.serving.http.model import Model
from common.serving.http.refusals import NOT_FOUND, UNAVAILABLE, Refused


def loaded(version: Version) -> Model:
    """A version in memory, warm."""
    model = Model(version)
    model.warm()
    return model


class Store:
    """The newest version of each model.

    Models are changed in the event loop alone, so a request finds either the older version or the newer one. A version
    that is replaced stays in memory until its last request is answered.

    Args:
        catalogue: Which versions there are.
        load: Makes a model of a version.
        say: Receives a line about each model that is loaded, cannot be loaded, or is gone.

    Attributes:
        models: The models that answer, by name.
        ready: Whether every model that was there at the start has been loaded, or has been found broken.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        load: Callable[[Version], Model] = loaded,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._catalogue = catalogue
        self._load = load
        self._say = say
        self._loader = ThreadPoolExecutor(1, "load")
        self._loading: dict[str, Version] = {}
        self._broken: dict[str, tuple[Version, str]] = {}
        self.models: dict[str, Model] = {}
        self.ready = False

    async def refresh(self) -> None:
        """Looks which versions there are now: loads those that are new, and retires those that are gone."""
        loop = asyncio.get_running_loop()
        try:
            newest = await loop.run_in_executor(self._loader, self._catalogue.newest)
        except OSError as error:
            self._say(f"the folders of models cannot be read: {error}")
            return
        for name in self.models.keys() - newest.keys():
            self.models.pop(name).retire()
            self._say(f"{name}: gone")
        self._broken = {name: found for name, found in self._broken.items() if newest.get(name) == found[0]}
        self._loading = {name: version for name, version in newest.items() if self._is_new(version)}
        for name, version in list(self._loading.items()):
            try:
                model = await loop.run_in_executor(self._loader, self._load, version)
            except Exception as error:  # Whatever is wrong with a folder, the other models are served.
                self._broken[name] = version, (str(error).strip() or type(error).__name__).splitlines()[0]
                self._say(f"{name}: version {version.number} cannot be loaded: {self._broken[name][1]}")
            else:
                before, self.models[name] = self.models.get(name), model
                self._say(f"{name}: version {version.number} loaded from {version.folder}")
                if before is not None:
                    before.retire()
                    del before
                    gc.collect()  # A graph refers to itself.
            self._loading.pop(name)
        self.ready = True

    def _is_new(self, version: Version) -> bool:
        served, name = self.models.get(version.name), version.name
        if served is not None and (served.version.number, served.version.folder) == (version.number, version.folder):
            return False
        return name not in self._broken

    async def watch(self, seconds: float) -> None:
        """Looks for new versions again and again."""
        while True:
            await asyncio.sleep(seconds)
            await self.refresh()

    def close(self) -> None:
        """Retires all models."""
        self._loader.shutdown(cancel_futures=True)
        while self.models:
            self.models.popitem()[1].retire()

    def find(self, name: str, version: int | None = None) -> Model:
        """The model that answers a request.

        Args:
            name: The name of the model.
            version: The number of the version; None for the newest.

        Raises:
            Refused: It is not there, or not yet.
        """
        model = self.models.get(name)
        if model is not None and version in (None, model.version.number):
            return model
        if name in self._loading and model is None:
            raise Refused(f"{name} is being loaded; try again later", UNAVAILABLE)
        wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise Refused(f"Servable not found for request: {wanted}", NOT_FOUND)

    def status(self, name: str, version: int | None = None) -> dict[str, Any]:
        """The versions of a model and their states, as the JSON of TensorFlow Serving has them.

        Raises:
            Refused: There is no such model or version.
        """
        found = []
        if name in self.models:
            found.append(_state(self.models[name].version, "AVAILABLE"))
        if name in self._loading:
            found.append(_state(self._loading[name], "LOADING"))
        if name in self._broken:
            found.append(_state(self._broken[name][0], "END", self._broken[name][1]))
        found = [one for one in found if version is None or one["version"] == str(version)]
        if found:
            return {"model_version_status": sorted(found, key=lambda one: -int(one["version"]))}
        what = "any versions" if version is None else f"version {version}"
        raise Refused(f"Could not find {what} of model {name}", NOT_FOUND)


def _state(version: Version, state: str, error: str = "") -> dict[str, Any]:
    status = {"error_code": "UNKNOWN" if error else "OK", "error_message": error}
    return {"version": str(version.number), "state": state, "status": status}
