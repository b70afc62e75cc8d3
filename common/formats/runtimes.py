"""The runtimes: how each format is made, and how its files are run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from common.formats.twin import Run, Runs, Twin

FormatName = Literal["onnx", "litert"]


@dataclass(frozen=True)
class Runtime:
    """A runtime.

    Attributes:
        suffix: That of its files.
        needs: The package of Python that runs it.
        code: Lines of Python that define `load`, which makes a `Run` of the file of that name in the folder `here`.
        convert: Makes a file's content.
        load: Makes a `Run` of the content.
    """

    suffix: str
    needs: str
    code: str
    convert: Callable[[Twin], bytes]
    load: Callable[[bytes], Run]

    def converted(self, twins: Mapping[str, Twin]) -> dict[str, bytes]:
        """The contents of the files of networks."""
        return {name: self.convert(twin) for name, twin in twins.items()}

    def loaded(self, contents: Mapping[str, bytes]) -> Runs:
        """The files of networks, ready."""
        return {name: self.load(content) for name, content in contents.items()}


def _onnx(twin: Twin) -> bytes:
    from common.formats.onnx_graph import converted

    return converted(twin)


def _litert(twin: Twin) -> bytes:
    from common.formats.litert import converted

    return converted(twin)


def _litert_int8(twin: Twin) -> bytes:
    from common.formats.litert import converted

    return converted(twin, int8=True)


def _run_onnx(content: bytes) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # Steps are too small to be divided.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return lambda **inputs: dict(zip(names, session.run(names, inputs)))


def _run_litert(content: bytes) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=content, num_threads=1).get_signature_runner()
    return lambda **inputs: runner(**inputs)


_ONNX_CODE = """\
import onnxruntime

onnxruntime.set_default_logger_severity(3)  # Errors alone: it warns of every weight that it rearranges.


def load(name):
    session = onnxruntime.InferenceSession(here / f"{name}.onnx")
    names = [output.name for output in session.get_outputs()]
    return lambda **inputs: dict(zip(names, session.run(names, inputs)))
"""
_LITERT_CODE = """\
from ai_edge_litert.interpreter import Interpreter


def load(name):
    return Interpreter(str(here / f"{name}.tflite")).get_signature_runner()
"""
ONNX = Runtime(".onnx", "onnxruntime", _ONNX_CODE, _onnx, _run_onnx)
LITERT = Runtime(".tflite", "ai-edge-litert", _LITERT_CODE, _litert, _run_litert)
LITERT_INT8 = Runtime(".tflite", "ai-edge-litert", _LITERT_CODE, _litert_int8, _run_litert)
RUNTIMES = {"onnx": ONNX, "litert": LITERT, "litert-int8": LITERT_INT8}
"""The runtimes by the names of their folders."""
