"""What a run is looked at by, from what the application reaches the world through."""

from __future__ import annotations

from springtide.overview.run_view import RunView
from springtide.overview.runs import RunSources, read_run
from springtide.web.ports import Surroundings


def run_view(surroundings: Surroundings, run_id: str) -> RunView:
    """Return the view of one run as it stands now.

    Raises:
        NotFound: the store knows no such run (`run_unknown`).
        TemporaryError: the store does not answer.
    """
    sources = RunSources(
        now=surroundings.clock.now(),
        policy_of=lambda name: surroundings.policies().get(name),
        ports=surroundings.ports,
        grafana=surroundings.settings.grafana_url,
    )
    with surroundings.open_store() as store:
        return read_run(store, run_id, sources)
