"""What one phase of a run hands to the next in the same process, so that nothing is asked twice within a moment.

    the Lease as it was written last     the next phase goes on from it: whatever it writes there is a swap against it
    the last look                        by it a phase may find that it is done, or waits; what writes looks anew
    that it has begun                    one write to the Lease, and one to the store of runs, ends one and begins one
    whose cluster this is                holds for ten seconds, as does
    that the preflight has passed        for the very plan that was made

A phase that fails hands nothing on: its next attempt reads all of it, as every phase does that begins a process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from springtide.kube.observation import Observation
from springtide.record.model import PhaseRecord
from springtide.run.lease import Lease
from springtide.run.state import Phase

LOOK_SECONDS: Final = 1.0
"""How long a look counts for the phase behind the one that took it: as long as a slow one takes by itself."""

KNOWN_SECONDS: Final = 10.0
"""How long something counts that a write depends on, but not on its very moment."""


@dataclass(slots=True)
class Handover:
    """Of one run, in one process. `following` is the phase that is begun as soon as the present one is done.

    Every time is one of the monotonic clock.
    """

    following: Phase | None = None
    _lease: Lease | None = field(default=None, init=False)
    _look: Observation | None = field(default=None, init=False)
    _looked: float = field(default=0.0, init=False)
    _handed: float = field(default=0.0, init=False)
    _cluster_known: float | None = field(default=None, init=False)
    _planned: tuple[str, float] | None = field(default=None, init=False)
    _begun: PhaseRecord | None = field(default=None, init=False)

    def saw(self, look: Observation, now: float) -> None:
        """Keep the last look."""
        self._look = look
        self._looked = now

    def wrote(self) -> None:
        """Forget the look: something is not as it was then."""
        self._look = None

    def look(self, now: float) -> Observation | None:
        """Return the last look; None where it is older than `LOOK_SECONDS`, or something was written since."""
        return self._look if now - self._looked <= LOOK_SECONDS else None

    def hand_on(self, lease: Lease, now: float) -> None:
        """Leave the Lease, as the phase that is done has written it, and the last look for the next phase."""
        self._lease = lease
        self._handed = now

    def handed(self, holder: str, now: float) -> Lease | None:
        """Return the Lease that was left for a run that calls itself `holder`; None where it has to be read."""
        lease = self._lease if now - self._handed <= KNOWN_SECONDS else None
        return lease if lease is not None and lease.holder == holder else None

    def take(self, holder: str, now: float) -> Lease | None:
        """Return what `handed` does, and leave it for nobody else: where it is None, the look is gone as well."""
        lease = self.handed(holder, now)
        self._lease = None
        if lease is None:
            self._look = None
        return lease

    def begin(self, following: PhaseRecord | None) -> None:
        """Leave the record of the phase that has begun, None where none has."""
        self._begun = following

    def begun(self, phase: Phase, attempt: int) -> PhaseRecord | None:
        """Return the record that was left for this attempt at `phase`, and leave it for nobody else."""
        record = self._begun
        self._begun = None
        return record if record is not None and record.key == (phase.value, attempt) else None

    def knows_cluster(self, now: float) -> bool:
        """Say whether the cluster was found to be the run's within `KNOWN_SECONDS`."""
        return self._cluster_known is not None and now - self._cluster_known <= KNOWN_SECONDS

    def found_cluster(self, at: float) -> None:
        """Keep that this was the run's cluster then."""
        self._cluster_known = at

    def planned_at(self, fingerprint: str, now: float) -> float | None:
        """Return when this plan was made in this cluster, and passed; None for another, or after `KNOWN_SECONDS`."""
        if self._planned is None or self._planned[0] != fingerprint or now - self._planned[1] > KNOWN_SECONDS:
            return None
        return self._planned[1]

    def planned(self, fingerprint: str, now: float) -> None:
        """Keep that this plan was made in this cluster, and that its preflight has passed."""
        self._planned = fingerprint, now
