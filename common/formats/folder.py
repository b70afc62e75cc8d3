"""The folder of a model for another runtime: the model, its vocabulary, an example."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from common.errors import InputError, shown
from common.files import reason
from common.formats.portable import Portable
from common.formats.runtimes import Runtime

VOCABULARY, EXAMPLE = "vocabulary.json", "example.py"
MODULES = ("csv", "datetime", "re", "wave")
"""Modules that an example may use, besides those that all do."""


def example(portable: Portable, runtime: Runtime) -> str:
    """The example as a program of Python."""
    imports = sorted({"json", "sys", *(name for name in MODULES if re.search(rf"\b{name}\.", portable.example))})
    asked = shown(shlex.join(portable.asked).replace("\n", " ")).replace("\\", "\\\\").replace('"', '\\"')
    package, _, code = runtime.code.partition("\n\n")
    needs = ", ".join(["numpy", *portable.needs])
    packages = ["import numpy as np", package] + ["from PIL import Image"] * ("Image." in portable.example)
    return "\n".join(
        [
            f'"""{portable.usage}: python example.py {asked}. Needs {needs} and {runtime.needs}."""\n',
            *(f"import {name}" for name in imports),
            *["from collections.abc import Callable"] * ("Callable" in portable.example),
            "from pathlib import Path\n",
            *packages,
            "",
            f"if len(sys.argv) < 2{f' or len(sys.argv) > {portable.most + 1}' if portable.most else ''}:",
            "    sys.exit(__doc__)",
            "here = Path(__file__).parent",
            f'vocabulary = json.loads((here / "{VOCABULARY}").read_text("utf-8"))\n\n{code}\n',
            *(f'{name} = load("{name}")' for name in portable.twins),
            portable.example,
        ]
    )


def check(folder: Path, runtime: Runtime) -> None:
    """Refuses a folder that holds something else than an exported model.

    Raises:
        InputError: It does, or it is a file.
    """
    there = sorted(folder.iterdir()) if folder.is_dir() else [folder] if folder.exists() else []
    others = [path for path in there if path.suffix != runtime.suffix and path.name not in (VOCABULARY, EXAMPLE)]
    if others:
        raise InputError(
            f"--to {folder}: is there already and holds {others[0].name}, which is no exported model; name another one"
        )


def write(folder: Path, portable: Portable, *, runtime: Runtime, contents: Mapping[str, bytes]) -> None:
    """Writes the folder completely or not at all; one that is there is replaced if it is such a folder, too.

    What a link points to is replaced, not the link.

    Raises:
        InputError: It cannot be written, or what is there is something else.
    """
    check(folder, runtime)
    own, folder = [f"{name}{runtime.suffix}" for name in contents], folder.resolve()
    draft, old = (folder.with_name(f".{folder.name}-{uuid4().hex}.{what}") for what in ("draft", "old"))
    try:
        draft.mkdir(parents=True)
        for name, content in zip(own, contents.values()):
            (draft / name).write_bytes(content)
        (draft / VOCABULARY).write_text(json.dumps(portable.vocabulary, ensure_ascii=False) + "\n", "utf-8")
        (draft / EXAMPLE).write_text(example(portable, runtime), "utf-8")
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
    except OSError as error:
        raise InputError(f"--to {folder}: cannot be written ({reason(error)}); name another folder") from error
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
