"""What one turn did, and what the whole came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from springtide.errors import PermanentError
from springtide.events.waves import ServicePlan, TurnDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReport:
    """What became of every service: `services` in words, `problems` those of them that are not as they should be.

    `standing` are the replicas of those that have no problem. `late` says that the events were prepared too late;
    `attention` which services an event was prepared for by what was only assumed, and so need a person's look.
    `simulated` are the lines of a simulated preparation of `events`. `planned_only` are the replicas that those would
    have now whose mode is to advise: nothing was written for them. `paused` says why nothing was started for those that
    are paused or back off.
    """

    services: Mapping[str, str]
    problems: Mapping[str, str]
    standing: Mapping[str, int] = field(default_factory=dict)
    late: str | None = None
    attention: Mapping[str, str] = field(default_factory=dict)
    simulated: Sequence[Mapping[str, Any]] = ()
    events: Sequence[str] = ()
    planned_only: Mapping[str, int] = field(default_factory=dict)
    paused: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        orders: Sequence[ServicePlan],
        turn: TurnDecision,
        *,
        late: str | None,
        attention: Mapping[str, str] | None = None,
    ) -> FleetReport:
        """Return the report of `orders` after their last turn; one that falls short of what is asked is a problem."""
        short = {order.service: why for order in orders if (why := order.shortfall) is not None}
        problems = {**short, **turn.failed, **turn.held}
        good = [order for order in orders if order.service not in problems]
        done = {order.service: f"{order.current} → {order.steps[-1]}: {order.reason}" for order in good if order.steps}
        kept = {order.service: f"{order.current} stay: {order.reason}" for order in good if not order.steps}
        advice = {order.service: order.advised for order in good if order.advised is not None}
        kept |= {order.service: _advice(order) for order in good if order.advised is not None}
        standing = {order.service: order.steps[-1] if order.steps else order.current for order in good}
        return cls(
            services={**kept, **done, **problems},
            problems=problems,
            standing=standing,
            late=late,
            attention={**(attention or {}), **{order.service: order.unmet for order in good if order.unmet}},
            planned_only=advice,
            paused={order.service: order.paused for order in good if order.paused},
        )

    @classmethod
    def planned(cls, orders: Sequence[ServicePlan], unseen: Mapping[str, str]) -> FleetReport:
        """Return what the `orders` would do; `unseen` says why nothing is known of a service."""
        seen = [order for order in orders if order.service not in unseen]
        return cls.of(seen, TurnDecision(failed=unseen), late=None)

    def with_pauses(self, pauses: Mapping[str, str]) -> FleetReport:
        """Return the report with the services that were paused because of how they failed in it."""
        told = {name: f"{self.problems[name]}; {why}" for name, why in pauses.items() if name in self.problems}
        return replace(
            self,
            services={**self.services, **told},
            problems={**self.problems, **told},
            paused={**self.paused, **pauses},
        )

    def require_good(self) -> None:
        """Raise what is not as the events or demand want it.

        Raises:
            PermanentError: the messages of every service that failed, was held back or could not be looked at
                (`services_failed`), or was prepared by what was only assumed (`needs_attention`).
        """
        told = [f"{name}: {why}" for name, why in {**self.attention, **self.problems}.items()]
        if told:
            code = "services_failed" if self.problems else "needs_attention"
            raise PermanentError("; ".join(told), code=code)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        optional = {
            "late": self.late,
            "attention": dict(self.attention),
            "simulated": list(self.simulated),
            "events": list(self.events),
            "planned_only": dict(self.planned_only),
            "paused": dict(self.paused),
        }
        filled = {name: value for name, value in optional.items() if value}
        return {
            "services": dict(self.services),
            "problems": dict(self.problems),
            "standing": dict(self.standing),
            **filled,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> FleetReport:
        """Return the report that `to_record` stored."""
        return cls(**record)


def _advice(order: ServicePlan) -> str:
    before = order.advised_from
    change = f"{before} stay" if order.advised == before else f"{before} → {order.advised}"
    return f"planned only: {change}: {order.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnReport:
    """What one turn did: `started` in words, what it waits for and what is held back, by service.

    `late` says that it can no longer make it to the start of its events, in the one turn that found out. `report` is
    the whole, once it is over.
    """

    started: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    late: str | None = None
    report: FleetReport | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.report is not None

    def lines(self) -> Iterator[str]:
        """Yield what it did, for a log."""
        for service, message in {**self.started, **self.waiting}.items():
            yield f"{service}: {message}"
