"""Workers meet before TensorFlow connects them."""

from __future__ import annotations

import socket
import threading
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
    with pytest.raises(InputError, match=r"localhost:\d+ should be worker 2, and says that it is worker 1"):
        meet(Cluster((f"127.0.0.1:{port}", f"localhost:{port}"), 0))


def test_a_worker_with_another_cluster_is_refused() -> None:
    first, second = (f"127.0.0.1:{port}" for port in ports(2))
    with (
        meeting._answering(second, meeting.Met(1, "another")),
        pytest.raises(InputError, match=f"{second} has another cluster in it than worker 1"),
    ):
        meet(Cluster((first, second), 0))


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
