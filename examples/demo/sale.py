"""The sale of the demonstration: it begins ten minutes after the start, so that there is something to come."""

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


def write_sale(folder: Path, now: datetime) -> datetime:
    """Write a calendar with one sale into `folder`, and return when it begins."""
    begins = (now + BEGINS_AFTER).astimezone(UTC).replace(second=0, microsecond=0)
    sale = {
        "name": "flash-sale",
        "start": f"{begins:%Y-%m-%dT%H:%M}",
        "duration": LASTS,
        "services": {SERVICE: {"replicas": REPLICAS}},
    }
    calendar = {
        "apiVersion": "springtide/v1",
        "kind": "EventCalendar",
        "metadata": {"name": "demo", "owner": "payments"},
        "spec": {"timezone": "UTC", "lead": LEAD, "events": [sale]},
    }
    folder.mkdir(parents=True)
    (folder / "demo.yaml").write_text(json.dumps(calendar, indent=2) + "\n", encoding="utf-8")
    return begins
