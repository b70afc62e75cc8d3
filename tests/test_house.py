"""The house keeps its order: rooms import rooms below them, files and functions stay short, arguments have names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    *("program", "errors", "interrupts", "files", "memory", "reports"),
    *("cells", "options", "text", "sources", "streams", "layers", "networks", "decoding"),
    *("scoring", "baselines", "figures", "training", "serving", "formats", "studies", "tuning", "cli"),
)
"""The rooms of common/, each above those that it may import. The first six are modules."""
TASK_NAMED_BY = ("training", "studies", "tuning", "cli")
"""Rooms whose annotations may name what a task is; at run time they import none."""
MOST_LINES, MOST_LINES_OF_A_TASK, MOST_LINES_OF_A_FUNCTION, MOST_POSITIONS = 350, 300, 60, 3
OWN = [*sorted(ROOT.glob("common/**/*.py")), *sorted(ROOT.glob("tasks/*.py")), ROOT / "run.py"]
EVERY_FILE = pytest.mark.parametrize("path", OWN, ids=lambda path: str(path.relative_to(ROOT)))


def imported(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """The modules of this project that a file imports, inside functions too, and whether for annotations alone."""
    typing = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] in ("common", "tasks", "run", "tests"):
                yield name, id(node) in typing


@EVERY_FILE
def test_a_room_imports_only_rooms_below_it(path: Path) -> None:
    where = path.relative_to(ROOT).with_suffix("").parts
    for name, typing in imported(ast.parse(path.read_text())):
        package, *rest = name.split(".")
        if where[0] == "common":
            room = where[1]
            if package == "tasks":
                assert typing and rest[0] == "base" and room in TASK_NAMED_BY, name
                continue
            assert package == "common", name
            if room != "__init__" and rest and rest[0] != room:
                assert ROOMS.index(rest[0]) < ROOMS.index(room), f"{'.'.join(where)} imports {name}"
        elif where[0] == "tasks":
            own = ("tasks.base", f"tasks.{path.stem}_options")
            assert package == "common" or name.startswith(own), f"{name}: a task imports no other task"


def test_the_top_of_common_is_rooms() -> None:
    found = {path.stem if path.suffix == ".py" else path.name for path in (ROOT / "common").iterdir()}
    assert found - {"__init__", "__pycache__"} == set(ROOMS)


def modules() -> dict[str, set[str]]:
    """The modules of common/ and those that each imports when it is loaded, annotations and functions aside."""
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in OWN}
    found: dict[str, set[str]] = {}
    for name, path in names.items():
        every = {target for target, typing in imported(ast.parse(path.read_text())) if not typing}
        found[name] = {max((m for m in names if t == m or t.startswith(f"{m}.")), key=len, default=t) for t in every}
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph, done = modules(), set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above[above.index(name) :], name])
        if name in done:
            return
        for target in graph.get(name, ()):
            if target != name:
                visit(target, (*above, name))
        done.add(name)

    for name in graph:
        visit(name, ())


@EVERY_FILE
def test_a_file_is_read_in_one_sitting(path: Path) -> None:
    most = MOST_LINES_OF_A_TASK if path.parent.name == "tasks" else MOST_LINES
    assert len(path.read_text().splitlines()) <= most


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Functions and methods; those inside of functions are taken with the one around them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node)


@EVERY_FILE
def test_functions_are_short_and_their_arguments_have_names(path: Path) -> None:
    for node in functions(ast.parse(path.read_text())):
        lines = node.end_lineno - node.lineno + 1
        assert lines <= MOST_LINES_OF_A_FUNCTION, f"{node.name} has {lines} lines"
        positions = [a.arg for a in (*node.args.posonlyargs, *node.args.args) if a.arg not in ("self", "cls")]
        if node.name == "call":  # Keras passes a layer's arguments as its user does.
            continue
        assert len(positions) <= MOST_POSITIONS, f"{node.name} takes {', '.join(positions)} by position"


@EVERY_FILE
def test_texts_reach_the_terminal_by_one_way(path: Path) -> None:
    """`common/reports.py` shows what a terminal would obey; rich's own `Text` and `Console` do not."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in ("rich.text", "rich.console", "rich"):
            assert path == ROOT / "common" / "reports.py", f"line {node.lineno} imports {node.module}"
