"""No code path unpickles, evaluates, runs a shell, or extracts archives: data stays data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_house import EVERY_FILE

MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve"}
"""Modules that make code of data."""
BUILT_IN = {"eval", "exec", "compile", "__import__"}
CALLED = {
    *("os.system", "os.popen", "os.execv", "os.execvp", "os.spawnv", "subprocess.getoutput", "shutil.unpack_archive"),
    *("joblib.load", "pandas.read_pickle", "pd.read_pickle", "torch.load", "yaml.load", "yaml.unsafe_load"),
    *("yaml.full_load", "yaml.load_all", "importlib.reload", "runpy.run_path", "code.interact", "builtins.exec"),
    *("builtins.eval", "builtins.compile", "keras.saving.load_model", "keras.models.load_model"),
}
"""Functions by their full names; a Keras file may hold Python code in Lambda layers."""
METHODS = {"extractall", "extract", "read_pickle", "to_pickle", "unpack_archive", "enable_unsafe_deserialization"}
"""Methods of any object, such as those of tarfile and zipfile, which write where an archive says."""
SWITCHES = {"allow_pickle": True, "shell": True, "safe_mode": False, "trust_remote_code": True}
"""Arguments of any call that make code of data."""


def dotted(node: ast.expr) -> str:
    """A name with its dots, as far as it is one."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def unsafe(tree: ast.AST) -> Iterator[str]:
    """What could run data as code, or let an archive choose where it writes, each with its line."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names if alias.asname}
            found = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found = {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        else:
            continue
        for name in found:
            if name in MODULES or name.split(".")[0] in MODULES or name in CALLED:
                yield f"line {node.lineno} imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in BUILT_IN:
            yield f"line {node.lineno} names {node.id}"
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        first, _, rest = name.partition(".")
        full = f"{known.get(first, first)}{'.' * bool(rest)}{rest}"
        method = (
            isinstance(node.func, ast.Attribute) and node.func.attr in METHODS and not name.endswith(".str.extract")
        )
        if method or {name, full} & CALLED:
            yield f"line {node.lineno} calls {name or node.func.attr}"
        for argument in [] if name.endswith(".generate_completion") else node.keywords:  # Its shell is a word.
            if argument.arg in SWITCHES and not (
                isinstance(argument.value, ast.Constant) and argument.value.value is not SWITCHES[argument.arg]
            ):
                yield f"line {node.lineno} gives {argument.arg}"


@EVERY_FILE
def test_data_is_never_run_or_unpacked(path: Path) -> None:
    assert list(unsafe(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "code",
    [
        *("import pickle", "from pickle import loads", "import cloudpickle as c", "import marshal", "import shelve"),
        *("eval(x)", "run = exec", "compile(x, y, 'exec')", "__import__(x)", "from os import system", "os.system(x)"),
        *("import os as o\no.system(x)", "subprocess.run(x, shell=True)", "subprocess.run(x, shell=wanted)"),
        *("np.load(x, allow_pickle=True)", "np.load(x, allow_pickle=wanted)", "tarfile.open(x).extractall()"),
        *("with zipfile.ZipFile(x) as z:\n    z.extract(y)", "shutil.unpack_archive(x)", "yaml.load(x)"),
        *("from yaml import load", "import yaml as y\ny.load(x)", "pd.read_pickle(x)", "joblib.load(x)"),
        *("keras.models.load_model(x)", "load(x, safe_mode=False)"),
    ],
)
def test_what_is_unsafe_is_found(code: str) -> None:
    assert list(unsafe(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "re.compile(x)",
        "yaml.safe_load(x)",
        "json.load(x)",
        "np.load(x)",
        "np.load(x, allow_pickle=False)",
        "x.str.extract(y)",
    ],
)
def test_what_is_safe_is_not(code: str) -> None:
    assert not list(unsafe(ast.parse(code)))
