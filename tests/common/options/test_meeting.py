"""Workers meet before TensorFlow connects them."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.errors import InputError
from common.options import meeting
from common.options.cluster import Cluster
from common.options.meeting import meet


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "SECONDS_BETWEEN_CALLS", 0.01)
    monkeypatch.setattr(meeting, "SECONDS_OF_AN_ANSWER", 5)


def ports(number: int) -> list[int]:
    """Ports that are free."""
    held = [socket.create_server(("", 0)) for _ in range(number)]
    found = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return found


@pytest.mark.parametrize("number", [2, 3])
def test_all_go_on_when_all_are_there(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "SECONDS_OF_AN_ANSWER", 0.1)
    found = ports(number)
    addresses, all_met = tuple(f"127.0.0.1:{port}" for port in found), threading.Barrier(number)

    def work(index: int) -> None:
        meet(Cluster(addresses, index))
        with socket.create_server(("127.0.0.1", found[index])):  # As TensorFlow then listens there.
            all_met.wait(timeout=60)

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(work, range(number), timeout=60))


def test_one_worker_under_two_names_is_refused() -> None:
    (port,) = ports(1)
    with pytest.raises(InputError, match=r"localhost:\d+, which should be worker 2, says that it is worker 1"):
        meet(Cluster((f"127.0.0.1:{port}", f"localhost:{port}"), 0))


@pytest.mark.parametrize(("index", "said"), [(1, "has another cluster in it"), (0, "says that it is worker 1")])
def test_of_two_that_do_not_fit_both_are_refused(index: int, said: str) -> None:
    """One of them waits already; the other has another cluster, or the same index on another machine."""
    first, second, third = ports(3)
    addresses = tuple(f"127.0.0.1:{port}" for port in (first, second))
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(meet, Cluster(addresses, 0))
        time.sleep(0.3)
        if index:
            other = pool.submit(meet, Cluster((*addresses, f"127.0.0.1:{third}"), 1))
        else:  # As on another machine, where the first address is that machine's own.
            other = pool.submit(_calls, meeting.Met(0, _digest(addresses)), first)
        for one in (waiting, other):
            with pytest.raises(InputError, match=said):
                one.result(timeout=20)


def _digest(addresses: tuple[str, ...]) -> str:
    return hashlib.sha256(" ".join(addresses).encode()).hexdigest()[:16]


def _calls(own: meeting.Met, port: int) -> None:
    """Calls the first worker as its second, as one with its index would."""
    meeting._is_there(1, own, ("", f"127.0.0.1:{port}"))


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port}: .*; give this worker a free port"):
            meet(Cluster((f"127.0.0.1:{port}", "127.0.0.1:1"), 0))


def test_who_says_nothing_is_taken_for_a_worker_that_tensorflow_has_connected(monkeypatch) -> None:
    monkeypatch.setattr(meeting, "SECONDS_OF_AN_ANSWER", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (port,) = ports(1)
        meet(Cluster((f"127.0.0.1:{port}", f"127.0.0.1:{silent.getsockname()[1]}"), 0))
