"""An address is taken once."""

from __future__ import annotations

import pytest

from common.errors import InputError
from common.serving.http.listening import listen


def test_a_port_that_is_in_use_and_a_host_that_is_not_here_are_refused() -> None:
    with listen("127.0.0.1", 0) as found:
        port = found.getsockname()[1]
        with pytest.raises(InputError, match=f"--host 127.0.0.1 --port {port}: Address already in use"):
            listen("127.0.0.1", port)
    with pytest.raises(InputError, match=r"--host 192.0.2.1 --port 8501: .+; give another"):
        listen("192.0.2.1", 8501)
