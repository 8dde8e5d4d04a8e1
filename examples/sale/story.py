"""What the sale is about: its demand, its calendar, and the commands that are shown with their output."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from examples.demo.screen import console

HERE: Final = Path(__file__).parent
SALE_HOUR: Final = 20

CALENDAR: Final = """\
apiVersion: springtide/v1
kind: EventCalendar
metadata: {{name: sales, owner: commerce}}
spec:
  timezone: UTC
  pace: {{pods_per_minute: 60, runs: 2}}
  cap: {{pods: 40}}
  events:
    - name: evening-sale
      start: {first}T{hour}:00
      duration: 1h
      repeat: FREQ=DAILY;COUNT={days}
      lead: 15m
      services: {{checkout: {{multiply: 3x}}, orders-db: {{replicas: 4}}}}
    - name: flash
      start: {flash}
      duration: 30m
      lead: {lead}
      services: {{checkout: {{multiply: 2x}}, orders-db: {{replicas: 4}}}}
"""


def write_demand(file: Path, now: datetime) -> None:
    """Write three days of requests per second: days and nights, and fourfold in the hour of each sale."""
    lines = ["timestamp,value"]
    start = now - timedelta(days=3)
    for minute in range(3 * 24 * 60 + 60):
        at = start + timedelta(minutes=minute)
        value = 180 + 60 * math.sin((at.hour + at.minute / 60 - 9) / 24 * 2 * math.pi)
        value *= 4 if at.hour == SALE_HOUR else 1
        lines.append(f"{at:%Y-%m-%dT%H:%M:%SZ},{value:.1f}")
    file.write_text("\n".join(lines) + "\n")


def calendar(now: datetime, flash: datetime, lead: str) -> str:
    """Return the calendar: the evening sales of the last two days, and a flash sale to come."""
    first = f"{now - timedelta(days=2):%Y-%m-%d}"
    return CALENDAR.format(first=first, hour=SALE_HOUR, days=2, flash=f"{flash:%Y-%m-%dT%H:%M:%S}", lead=lead)


def shown(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command of this installation and show it with its output."""
    console.print(f"\n[bold]$ {' '.join(command)}[/bold]", highlight=False, soft_wrap=True)
    tool = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
    done = subprocess.run(  # noqa: S603  our own commands, no shell
        tool, env=dict(os.environ) | dict(environment), capture_output=True, text=True, timeout=180, check=False
    )
    said = done.stdout if command[0] == "springtide" else ""  # Airflow's own logs are for its own pages
    said += done.stderr if command[0] == "springtide" or done.returncode else ""
    console.print(said.rstrip(), highlight=False, markup=False, soft_wrap=True)
    return done.returncode


def utc_now() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)
