"""The order of the modules that read data: each imports only those below it."""

from __future__ import annotations

import ast
from pathlib import Path

ROOM = Path(__file__).parents[3] / "common" / "sources"
ORDER = (
    *("digests", "files", "splits", "records", "tables"),
    *("labelled", "asked", "plain", "large", "tagged", "conllu", "parallel", "large_pairs"),
    *(
        "series.spacing",
        "series.panels",
        "series.centuries",
        "series.clocks",
        "series.numbers",
        "series.frames",
        "series.layout",
    ),
    *("series.reader", "series"),
    *("signals.records", "signals.archives", "signals.recordings", "signals.tables", "signals.reader", "signals"),
    *("features", "pictures", "questions"),
    *("wheels", "tfds", "seen"),
    *(
        "embedded",
        "embedded.catalogues",
        "embedded.critics",
        "embedded.generated",
        "embedded.numbers",
        "embedded.recordings",
        "embedded.reviews",
        "embedded.scene_words",
        "embedded.scenes",
        "embedded.emoji",
        "embedded.shapes",
        "embedded.turkish",
        "embedded.victoria",
    ),
    "load",
)


def imported(path: Path) -> set[str]:
    """Modules of the room that a file imports, in functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("common.sources"):
            below = node.module.removeprefix("common.sources").removeprefix(".")
            names |= {f"{below}.{alias.name}".strip(".") for alias in node.names} | {below}
    return names & set(ORDER)


def test_modules_import_only_modules_below() -> None:
    files = {
        ".".join(path.relative_to(ROOM).with_suffix("").parts).removesuffix(".__init__"): path
        for path in ROOM.rglob("*.py")
    }
    assert set(files) - {"__init__"} == set(ORDER)
    for name in ORDER:
        assert imported(files[name]) <= set(ORDER[: ORDER.index(name)]), name
    assert "embedded.critics" in imported(files["load"])  # Imports in functions are seen.
