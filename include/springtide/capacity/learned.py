"""What is learned about a service once a day, outside of any run: forecasts, and how wrong each model was lately.

A run only looks it up. Everything is kept under the fingerprint of the model's settings, so that a changed policy never
acts on what another one learned.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from springtide.capacity.applied import Applied
from springtide.capacity.setting import Tuned
from springtide.stored import Stored

if TYPE_CHECKING:
    from springtide.policy.language.parts import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast(Stored):
    """A fitted upper bound: `upper[i]` for the `step` seconds from POSIX second `start` + i·step on.

    `fingerprint` is that of the data it was fitted on, all of it before `start`.
    """

    start: float
    step: float
    upper: tuple[float, ...]
    fingerprint: str

    @property
    def end(self) -> float:
        """POSIX second up to which it says anything."""
        return self.start + self.step * len(self.upper)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned(Stored):
    """Everything learned about one service, by `fingerprint_of` a model's settings.

    An error is 0 to 1; a startup is in seconds from a decision until its pods serve. `applied` is what the cluster's
    autoscaler was given last, None where springtide never wrote one.
    """

    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    errors: Mapping[str, float] = field(default_factory=dict)
    tuned: Mapping[str, Tuned] = field(default_factory=dict)
    startups: Mapping[str, float] = field(default_factory=dict)
    applied: Applied | None = None

    def allowing(self, specs: Iterable[Part], startup: float | None) -> Learned:
        """Return the same with `startup` seconds for those of `specs` whose start-up time was never learned."""
        if startup is None:
            return self
        # What runs really took stands above what their probes would allow.
        return replace(self, startups={fingerprint_of(spec): startup for spec in specs} | dict(self.startups))


NOTHING_LEARNED = Learned()


def fingerprint_of(spec: Part) -> str:
    """Return a name for these settings of a model, the same in every process."""
    # Not hash(): it is salted anew in every process, and these names are stored.
    text = json.dumps(spec.model_dump(mode="json"), sort_keys=True)
    return f"{getattr(spec, 'model', 'model')}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
