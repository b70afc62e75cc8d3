"""The address that the server listens at; needs no TensorFlow."""

from __future__ import annotations

import socket

from common.errors import InputError

BACKLOG = 2048
"""Maximum number of connections that wait to be accepted."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; connections wait until they are accepted.

    Raises:
        InputError: The address is in use, or not one of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        raise InputError(f"--host {host} --port {port}: {error.strerror}; give another") from error
