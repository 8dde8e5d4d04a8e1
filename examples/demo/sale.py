"""The sales of the demonstration: one ten minutes after the start, and one of tomorrow that cannot be met as it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from examples.demo.shop import SERVICE

BEGINS_AFTER: Final = timedelta(minutes=10)
LASTS: Final = "20m"
LEAD: Final = "3m"
"""Not as long as there is time: else it would be prepared while the first run still goes on."""

REPLICAS: Final = 9
"""The policy allows 20, and the first run leaves 6."""

TOMORROW: Final = {"name": "black-friday", "duration": "2h", "lead": "30m", "services": {SERVICE: {"replicas": 80}}}
"""Asks for too much, so that there is something to put right: docs/evening-before-a-sale.md does."""

MARGIN: Final = "1m"
"""A run takes less than a minute here, so the usual five are more than a lead of three leaves."""


def write_sale(folder: Path, now: datetime) -> datetime:
    """Write a calendar with both sales into `folder`, and return when the first begins."""
    begins = (now + BEGINS_AFTER).astimezone(UTC).replace(second=0, microsecond=0)
    sale = {
        "name": "flash-sale",
        "start": f"{begins:%Y-%m-%dT%H:%M}",
        "duration": LASTS,
        "services": {SERVICE: {"replicas": REPLICAS}},
    }
    tomorrow = TOMORROW | {"start": f"{begins + timedelta(days=1):%Y-%m-%dT%H:%M}"}
    calendar = {
        "apiVersion": "springtide/v1",
        "kind": "EventCalendar",
        "metadata": {"name": "demo", "owner": "payments"},
        "spec": {"timezone": "UTC", "lead": LEAD, "learn": {"margin": MARGIN}, "events": [sale, tomorrow]},
    }
    folder.mkdir(parents=True)
    (folder / "demo.yaml").write_text(json.dumps(calendar, indent=2) + "\n", encoding="utf-8")
    return begins
