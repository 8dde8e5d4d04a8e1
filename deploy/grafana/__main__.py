"""Writes the JSON of every dashboard beside this file: `python -m deploy.grafana`, with `include` on PYTHONPATH."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from deploy.grafana.event import EVENT
from deploy.grafana.fleet import FLEET
from deploy.grafana.model import Dashboard
from deploy.grafana.service import SERVICE

DASHBOARDS: Final = (FLEET, SERVICE, EVENT)
FOLDER: Final = Path(__file__).parent


def text_of(dashboard: Dashboard) -> str:
    """Return a dashboard as it stands in its file."""
    return json.dumps(dashboard.to_json(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each in DASHBOARDS:
        (FOLDER / f"{each.name}.json").write_text(text_of(each))
