"""Ports that nobody listens on."""

from __future__ import annotations

import socket


def free_ports(count: int) -> tuple[int, ...]:
    """Return `count` different loopback ports that are free now."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return tuple(listener.getsockname()[1] for listener in listeners)
    finally:
        for listener in listeners:
            listener.close()
