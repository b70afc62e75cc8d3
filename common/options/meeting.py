"""Workers meet before TensorFlow connects them: all are there, and each is the one that the others take it for."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from common.errors import InputError
from common.options.cluster import VARIABLE, Cluster

SECONDS_OF_A_CALL, SECONDS_OF_AN_ANSWER, SECONDS_BETWEEN_CALLS = 5, 1, 0.2
"""How long a worker tries to reach another, waits for its answer, and pauses before it tries again."""
GREETING = "sequence-suite worker"


class Met(NamedTuple):
    """What a worker says of itself.

    Attributes:
        index: Its number.
        cluster: A digest of the addresses of all.
    """

    index: int
    cluster: str


def meet(workers: Cluster) -> None:
    """Waits until every worker listens. TensorFlow would wait, too, but no signal ends its wait.

    Whoever calls says who it is, and so does whoever answers: where two do not fit, both know.

    Raises:
        InputError: This worker's port is not free, or who calls or answers is not the worker that should.
    """
    addresses = workers.addresses
    own = Met(workers.index, hashlib.sha256(" ".join(addresses).encode()).hexdigest()[:16])
    missing = [number for number in range(len(addresses)) if number != workers.index]
    with _answering(addresses[workers.index], own) as callers:
        while missing := [number for number in missing if not _is_there(number, own, addresses)]:
            for caller in callers:
                if caller.cluster != own.cluster or caller.index == own.index:
                    raise _refusal(f"worker {caller.index + 1}, which called,", caller, own)
            time.sleep(SECONDS_BETWEEN_CALLS)


@contextmanager
def _answering(address: str, own: Met) -> Iterator[list[Met]]:
    """Says to who calls which worker this is, and gives who has called."""
    both = socket.has_dualstack_ipv6()
    family = {"family": socket.AF_INET6, "dualstack_ipv6": True} if both else {}
    try:
        listening = socket.create_server(("", _split(address)[1]), **family)
    except OSError as error:
        raise InputError(f"{VARIABLE}: {address}: {error.strerror}; give this worker a free port") from error
    callers: list[Met] = []

    def answer() -> None:
        with suppress(OSError):  # It is closed.
            while True:
                call, _ = listening.accept()
                with call, suppress(OSError):
                    _say(call, own)
                    if (caller := _heard(call)) is not None:
                        callers.append(caller)

    threading.Thread(target=answer, daemon=True).start()
    try:
        yield callers
    finally:
        with suppress(OSError):  # Which ends the thread's wait, too.
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _is_there(number: int, own: Met, addresses: tuple[str, ...]) -> bool:
    """Whether a worker listens; TensorFlow may have taken its port already, and then says nothing of the kind.

    Raises:
        InputError: It is another worker, or one with other addresses.
    """
    address = addresses[number]
    try:
        with socket.create_connection(_split(address), timeout=SECONDS_OF_A_CALL) as call:
            _say(call, own)
            said = _heard(call)
    except OSError:
        return False
    if said is None or said == Met(number, own.cluster):
        return True
    raise _refusal(f"{address}, which should be worker {number + 1},", said, own)


def _refusal(who: str, said: Met, own: Met) -> InputError:
    if said.cluster != own.cluster:
        return InputError(f"{VARIABLE}: {who} has another cluster in it than worker {own.index + 1}; give all the same")
    return InputError(
        f"{VARIABLE}: {who} says that it is worker {said.index + 1}; give each worker an address and an index of its "
        "own"
    )


def _say(call: socket.socket, own: Met) -> None:
    call.sendall(f"{GREETING} {own.index} {own.cluster}\n".encode())


def _heard(call: socket.socket) -> Met | None:
    call.settimeout(SECONDS_OF_AN_ANSWER)
    try:
        words = call.recv(200).decode(errors="replace").removeprefix(GREETING).split()
        return Met(int(words[0]), words[1])
    except (OSError, ValueError, IndexError):
        return None


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
