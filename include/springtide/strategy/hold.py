"""What a raised minimum leaves on the autoscaler: who holds it, why, until when, and what is restored.

The run that raises it ends with the floor raised, and its Lease is given free. What undoes it later, after any crash,
is this annotation alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from springtide.errors import Conflict, PermanentError
from springtide.kube.autoscaler import Autoscaler, AutoscalerBounds, effective_maximum, effective_minimum
from springtide.stored import Stored, load
from springtide.strategy.model import AutoscalerSnapshot, HoldRequest, RunOrder
from springtide.workload import DEFAULT_CLUSTER, Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorHold(Stored):
    """A raised minimum: by which run and whom, why and until when, what was written, and what was there before.

    `cluster` is what the run's policy called this cluster.
    """

    run: str
    owner: str
    reason: str
    until: datetime
    raised: AutoscalerBounds
    original: AutoscalerBounds
    cluster: Cluster = DEFAULT_CLUSTER

    def to_text(self) -> str:
        """Return the form that stands in the annotation."""
        record = asdict(self) | {"until": self.until.isoformat()}
        if self.cluster == DEFAULT_CLUSTER:
            del record["cluster"]
        return json.dumps(record, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> FloorHold:
        """Return the hold that `to_text` wrote.

        Raises:
            Conflict: somebody else wrote it (`floor_unreadable`).
        """
        try:
            hold = load(cls, json.loads(text))
        except (ValueError, RecursionError, PermanentError) as error:
            raise _unreadable() from error
        if hold.until.tzinfo is None:
            raise _unreadable()
        return hold


def _unreadable() -> Conflict:
    return Conflict(
        "the annotation springtide.dev/floor of the autoscaler was not written by springtide. Set the autoscaler's "
        "minimum and maximum to what they should be, and remove the annotation.",
        code="floor_unreadable",
    )


def hold_on(autoscaler: Autoscaler) -> FloorHold | None:
    """Return the hold that stands on `autoscaler`; None when its minimum is what its owner set.

    Raises:
        Conflict: see `FloorHold.from_text`.
    """
    return FloorHold.from_text(autoscaler.floor_annotation) if autoscaler.floor_annotation else None


def owner_bounds(bounds: AutoscalerBounds, floor_annotation: str) -> AutoscalerBounds:
    """Return what the autoscaler's owner wants its bounds to be.

    That is what stood there before they were raised; but a bound that is not what was raised any more has been set
    by its owner since, and stays.
    """
    if not floor_annotation:
        return bounds
    hold = FloorHold.from_text(floor_annotation)
    # Bound by bound: an owner who lowered the maximum during an event has said nothing about the minimum.
    kept = bounds.minimum if bounds.minimum != hold.raised.minimum else hold.original.minimum
    return AutoscalerBounds(kept, bounds.maximum if bounds.maximum != hold.raised.maximum else hold.original.maximum)


def bounds_for(held: AutoscalerSnapshot, order: RunOrder) -> tuple[AutoscalerBounds, str]:
    """Return the bounds that `order` asks for, and the annotation beside them; an empty one restores the owner's."""
    before = owner_bounds(held.bounds, held.floor_annotation)
    if order.replicas <= effective_minimum(before, held.kind):
        return before, ""
    raised = AutoscalerBounds(
        order.replicas, before.maximum if effective_maximum(before) >= order.replicas else order.replicas
    )
    request: HoldRequest | None = order.hold
    if request is None:
        raise PermanentError(
            f"the minimum is to be raised to {order.replicas}, and nothing says until when: it would stay forever. "
            "Start a new run, whose policy says when a floor expires (strategy.expires).",
            code="expiry_missing",
            field="until",
        )
    return raised, FloorHold(
        run=order.run_id,
        owner=request.owner,
        reason=request.reason,
        until=request.until,
        raised=raised,
        original=before,
        cluster=order.workload.cluster,
    ).to_text()
