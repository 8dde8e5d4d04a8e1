"""What an event asks of a service, as people write it in one line: `checkout=3.2x` or `search=80`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from springtide.errors import InputError


def written_ask(text: str, services: Sequence[str] | None = None) -> tuple[str, dict[str, Any]]:
    """Return the service that `text` names, and what is asked of it; `services` are those that have a policy.

    Raises:
        InputError: there is no such policy (`service_unknown`), or the text gives no number (`event_invalid`).
    """
    name, equals, wanted = text.strip().partition("=")
    if services is not None and name not in services:
        raise InputError(
            f"service: there is no policy {name[:60]!a}; there are: {', '.join(services)}.",
            code="service_unknown",
            field="service",
        )
    if not equals:
        raise InputError(
            f"service: {text[:60]!a} gives no number; write {name[:60]}=80 or {name[:60]}=3.2x.",
            code="event_invalid",
            field="service",
        )
    return name, {"replicas": int(wanted)} if wanted.isascii() and wanted.isdigit() else {"multiply": wanted}


def written_asks(lines: Iterable[str], services: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return what is asked of each service, by lines; empty lines are none.

    Raises:
        InputError: as `written_ask` says, and where one service is named twice (`event_invalid`).
    """
    asks: dict[str, dict[str, Any]] = {}
    for line in lines:
        if not line.strip():
            continue
        name, ask = written_ask(line, services)
        if name in asks:
            raise InputError(f"service: {name[:60]!a} is named twice.", code="event_invalid", field="service")
        asks[name] = ask
    return asks
