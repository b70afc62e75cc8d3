"""Requests that are refused, and with which status."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

BAD_REQUEST, NOT_FOUND, TOO_LARGE, GONE = 400, 404, 413, 499
INTERNAL, UNIMPLEMENTED, UNAVAILABLE, LATE = 500, 501, 503, 504
"""The statuses in use; 499 stands for a client that has closed its connection, in metrics and in the access log."""

STATUS_OF_CODE = {
    **dict.fromkeys((3, 9, 11), BAD_REQUEST),  # Invalid argument, failed precondition, out of range.
    **{1: GONE, 4: LATE, 5: NOT_FOUND, 6: 409, 7: 403, 8: 429, 10: 409, 12: UNIMPLEMENTED, 14: UNAVAILABLE, 16: 401},
}
"""The HTTP status of each code of a TensorFlow error, as `http_server.cc` of TensorFlow Serving has them; else 500."""

_GRAPH = re.compile(r"^Graph execution error:\s*(Detected at node.*?<stack traces unavailable>\s*)?", re.DOTALL)
_NODE = re.compile(r"\n\s*\[\[\{\{node .*", re.DOTALL)
_ASSERTED = re.compile(r"assertion failed: \[(.*)\]", re.DOTALL)
_CONDITION = re.compile(r"\] \[Condition x .*", re.DOTALL)
"""What TensorFlow adds of its own to what an assertion says."""


class Refused(Exception):
    """A request that is not answered with outputs.

    Args:
        message: What the client reads under `error`.
        status: The HTTP status.
    """

    def __init__(self, message: str, status: int = BAD_REQUEST) -> None:
        super().__init__(message)
        # A lone surrogate that a request holds cannot be written.
        self.message = message.encode(errors="backslashreplace").decode()
        self.status = status


def refusal(error: tf.errors.OpError) -> Refused:
    """What the client reads when TensorFlow fails: its message, without the names and traces of the graph."""
    message = _NODE.sub("", _GRAPH.sub("", error.message or type(error).__name__)).strip()
    if asserted := _ASSERTED.search(message):
        message = _CONDITION.sub("", asserted[1]).replace("] [", " ")
    return Refused(message, STATUS_OF_CODE.get(error.error_code, INTERNAL))
