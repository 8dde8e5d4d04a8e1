"""Where records go: read from the environment once, by whoever starts the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STORE_VARIABLE: Final = "SPRINGTIDE_STORE_URL"
METRICS_VARIABLE: Final = "SPRINGTIDE_METRICS_DIRECTORY"


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """What an operator may set about records."""

    store_url: str = "sqlite:///.springtide/runs.db"
    """Database of the runs: `sqlite:///PATH` (one machine, local disk) or `postgresql://USER:PASSWORD@HOST/NAME`.

    The default is a file under the working directory, so that trying springtide leaves nothing elsewhere. Where
    Airflow's tasks run on several machines, only PostgreSQL lets them share one history.
    """

    metrics_directory: Path | None = None
    """Directory that `springtide.prom` is written to after each run, for node_exporter's textfile collector.

    None, the default, writes nothing.
    """

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> RecordSettings:
        """Return the settings; an unset or empty variable leaves the default."""
        settings = cls()
        url = environment.get(STORE_VARIABLE)
        directory = environment.get(METRICS_VARIABLE)
        return cls(
            store_url=url or settings.store_url,
            metrics_directory=Path(directory) if directory else settings.metrics_directory,
        )
