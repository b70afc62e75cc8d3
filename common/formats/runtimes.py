"""The runtimes: how each format is made, and how its files are run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from common.formats.twin import Run, Twin

FormatName = Literal["onnx", "litert"]


@dataclass(frozen=True)
class Runtime:
    """A runtime.

    Attributes:
        file: The name of the file of a model.
        needs: The package of Python that runs it.
        code: Lines of Python that make a `run` of the file in the folder `here`, a `Run`.
        convert: Makes the file's content.
        load: Makes a `Run` of the content.
    """

    file: str
    needs: str
    code: str
    convert: Callable[[Twin], bytes]
    load: Callable[[bytes], Run]


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

session = onnxruntime.InferenceSession(here / "model.onnx")
names = [output.name for output in session.get_outputs()]


def run(**inputs):
    return dict(zip(names, session.run(names, inputs)))
"""
_LITERT_CODE = """\
from ai_edge_litert.interpreter import Interpreter

run = Interpreter(str(here / "model.tflite")).get_signature_runner()
"""
ONNX = Runtime("model.onnx", "onnxruntime", _ONNX_CODE, _onnx, _run_onnx)
LITERT = Runtime("model.tflite", "ai-edge-litert", _LITERT_CODE, _litert, _run_litert)
LITERT_INT8 = Runtime("model.tflite", "ai-edge-litert", _LITERT_CODE, _litert_int8, _run_litert)
RUNTIMES = {"onnx": ONNX, "litert": LITERT, "litert-int8": LITERT_INT8}
"""The runtimes by the names of their folders."""
