"""Views of models that read a file: the sample that training left, or a visitor's own."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from nicegui import events, ui

from common.errors import InputError
from common.serving.page.cards import Cards
from common.serving.page.view import View
from common.serving.versions import ASSETS

MOST_CHOICES = 500
"""Things in a file of which one can be chosen: the first ones."""
_READING = asyncio.Semaphore(1)
"""Files are read one at a time, so that those of many visitors leave time for requests."""


class FileView(View):
    """A view of models that read a file: sample, upload, and a choice among the things in it.

    Attributes:
        thing: What the file has several of, such as "series".
        suffixes: Endings of files that it takes; a file with another is read as the first says.
        example: The name of the file that training left as a sample.
        found: What each model reads in the file by its name, or what is wrong with it.
    """

    thing: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    example: ClassVar[str] = "example.csv"

    def build(self) -> None:
        self.found: Mapping[str, Any | InputError] = {}
        most = self.asker.limits.body
        with ui.element("div").classes("choices"):
            ui.button(f"Sample {self.thing}", icon="insights", on_click=self.sample)
            self.upload = ui.upload(
                label=f"Your file, at most {most / 1e6:.1f} MB", max_file_size=most, auto_upload=True, max_files=1
            )
            self.upload.on_upload(self.uploaded).on_rejected(self._too_large)
            self.upload.props(f'flat bordered accept="{",".join(self.suffixes)}"').classes("upload")
            self.choice = ui.select([], label=self.thing.capitalize(), on_change=self.show).props("outlined dense")
        self.wrong = self.line()
        self.answers = Cards(self.served)

    @property
    def start(self) -> Awaitable[None]:
        return self.sample()

    async def sample(self) -> None:
        """Takes the example that the first model's training left."""
        folder = next((one.folder for one in self.served if (one.folder / ASSETS / self.example).is_file()), None)
        if folder is None:
            self.wrong.text = "These models were saved without a sample; take a file of your own."
            return
        await self._take(folder / ASSETS / self.example, self.example)

    async def uploaded(self, given: events.UploadEventArguments) -> None:
        """Takes the file of a visitor."""
        self.upload.reset()
        ending = Path(given.file.name).suffix.lower()
        try:
            with TemporaryDirectory() as folder:
                path = Path(folder) / f"given{ending if ending in self.suffixes else self.suffixes[0]}"
                await given.file.save(path)
                await self._take(path, Path(given.file.name).name or "your file")
        except OSError as error:  # Such as a server without a folder to write to.
            self.say_wrong(f"The server cannot keep a file for a moment: {error.strerror}.")

    def _too_large(self) -> None:
        self.wrong.text = f"One file of at most {self.asker.limits.body:,} bytes, please: {self.about_files}."

    @property
    def about_files(self) -> str:
        """The kinds of files that it takes, in words."""
        return ", ".join(ending[1:].upper() for ending in self.suffixes)

    async def _take(self, path: Path, source: str) -> None:
        """Reads a file as each model does, and shows the first thing in it."""
        async with _READING:
            found = await asyncio.to_thread(self.read, path, source)
        self.found = {name: _of_source(one, path, source) for name, one in found.items()}
        read = next((one for one in self.found.values() if not isinstance(one, InputError)), None)
        if read is None:
            self.say_wrong(str(next(iter(self.found.values()))))
            return
        before = self.choice.value
        names = self.names(read)
        self.choice.set_options(dict(enumerate(names[:MOST_CHOICES])), value=0)
        self.choice.set_visibility(len(names) > 1)
        if before == 0:  # Else the change of the value has done it.
            await self.show()

    def say_wrong(self, message: str) -> None:
        """Takes all answers away, and says what is wrong."""
        self.latest.stop()
        self.answers.clear()
        self.wrong.text = message

    @abstractmethod
    def read(self, path: Path, source: str) -> Mapping[str, Any | InputError]:
        """What each model reads in a file, by its name; `source` is the name of the file for people."""

    @abstractmethod
    def names(self, read: Any) -> Sequence[str]:
        """The names of the things in it, of which one is chosen."""

    @abstractmethod
    async def show(self) -> None:
        """Asks all models about the chosen thing."""


def _of_source(read: Any | InputError, path: Path, source: str) -> Any | InputError:
    """What was read; what is wrong is said of the file that a visitor knows."""
    return InputError(str(read).replace(str(path), source)) if isinstance(read, InputError) else read


def tried(read: Callable[[], Any]) -> Any | InputError:
    """What was read, or what is wrong with it."""
    try:
        return read()
    except InputError as error:
        return error
