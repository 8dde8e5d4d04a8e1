"""What manifests that say `replicas` do after a run: their number wins or conflicts, as after any scaler's write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploys.ways import APPLY, HELM, SERVER_SIDE
from deploys.workloads import CURRENT, TARGET
from e2e.command import finished
from e2e.rest import Rest

if TYPE_CHECKING:
    from deploys.ways import Way
    from deploys.workloads import Field

MANIFESTS = (APPLY, SERVER_SIDE, HELM)


@dataclass(frozen=True, slots=True)
class Number:
    """The same manifest again after a run from CURRENT to TARGET replicas; it says CURRENT."""

    way: str
    told: str
    is_refused: bool
    replicas: int
    wrong: str = ""

    @property
    def is_good(self) -> bool:
        """Whether one of the two numbers stands, and the other one was refused or is gone."""
        return not self.wrong and self.replicas == (TARGET if self.is_refused else CURRENT)


def numbered(way: Way, where: Field) -> Number:
    """Deploy a manifest with a number, run, and deploy the same manifest again."""
    try:
        with where.workload(way, replicas=CURRENT) as (owner, when):
            run = finished(when.begin(to=TARGET, by="blue_green"))
            assert run.record.get("outcome") == "succeeded", run
            told = way.put(owner, "1")
            rest = Rest.of(when.scenario.see)
            return Number(way.name, str(told), told.is_refused, rest.replicas)
    except Exception as error:  # noqa: BLE001  (it is told in the results, and the others go on)
        return Number(way.name, "", is_refused=False, replicas=0, wrong=f"{type(error).__name__}: {error}")
