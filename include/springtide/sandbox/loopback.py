"""Addresses that only this machine reaches: the sandbox listens on no other, and sends nothing elsewhere."""

from __future__ import annotations

import errno
import ipaddress


def is_loopback(address: str) -> bool:
    """Say whether `address` is a number of loopback. A name never is: whoever resolves it decides where it leads."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def require_loopback(address: str) -> None:
    """Refuse to listen anywhere else.

    Raises:
        OSError: EADDRNOTAVAIL, it is not loopback.
    """
    if not is_loopback(address):
        raise OSError(errno.EADDRNOTAVAIL, f"{address} is not an address of loopback, and the sandbox takes no other")
