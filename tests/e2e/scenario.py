"""What the stages of a scenario share, and what there was before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from e2e.definitions import DEFINITIONS, Definition
from e2e.live_load import LiveLoad
from e2e.manifests import Json, Web
from e2e.observer import OK

if TYPE_CHECKING:
    from e2e.clusters import Cluster
    from e2e.command import Springtide
    from e2e.keda import Operator
    from e2e.observer import Observer


@dataclass(frozen=True, slots=True)
class Before:
    """What there was before the run."""

    deployment: Json
    service: Json
    pods: dict[str, Json]
    inventory: set[tuple[str, str]]


@dataclass(slots=True)
class Scenario:
    """What the stages share."""

    cluster: Cluster
    see: Observer
    springtide: Springtide
    web: Web
    load: LiveLoad | None = None
    keda: Operator | None = None
    defined: list[Definition] = field(default_factory=list)

    def is_served(self, definition: Definition) -> bool:
        """Tell whether the cluster knows the resource."""
        return self.see.answer("GET", definition.plural, body={})[0] == OK

    def _is_gone(self, definition: Definition) -> bool:
        return not self.is_served(definition)

    def close(self) -> None:
        """Leave nothing running."""
        if self.keda is not None:
            self.keda.stop()
        for each in self.defined:
            self.see.undefine(DEFINITIONS, each.name)
            # the next scenario defines it anew, which only works once it has gone
            self.see.until(f"{each.plural} are served no more", partial(self._is_gone, each))
        if self.load is not None:
            self.load.kill()
