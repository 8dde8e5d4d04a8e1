"""What a rehearsal of an event is: its grants, which expire by themselves, and the load that it sends. Pure.

forecast peak   the demand that the event's replicas are for
                  multiply: demand of now · multiply
                  replicas: replicas · what the policy plans to put on one (per_replica · target ÷ margin)
rate            the peak, less what customers send at the time, cut to what the policy and the rehearsal allow
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from springtide.capacity.rehearsed import planned_load
from springtide.errors import InputError
from springtide.events.ad_hoc import CALENDAR, ad_hoc_event
from springtide.events.occurrences import Occurrence
from springtide.events.waves import ServicePlan
from springtide.load.load_profile import LoadProfile
from springtide.load.windows import Limits
from springtide.quantities import round_down

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from springtide.events.calendars import Calendars
    from springtide.policy.calendar.model import ServiceRequest
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.policy.scaling.rehearsal import Rehearsal

RAMP: Final = 0.25
"""The share of its time through which the load grows."""

SHORTEST: Final = 10.0
"""Seconds of load that say something."""

_LONGEST_NAME: Final = 63
_REHEARSAL: Final = "rehearsal"


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """How hard somebody wants to press: requests a second, and seconds; `load` False sends nothing."""

    load: bool = True
    max_rate: float = 100.0
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """The load on one service: GETs of `path` at `rate` requests a second for `seconds`.

    `peak` is the forecast and `present` what customers send by now, both in requests/s. `cut` says why less than their
    difference is sent; empty where all of it is.
    """

    service: str
    replicas: int
    path: str
    port: int | str | None
    expect: int
    peak: float
    present: float
    rate: float
    seconds: float
    most: int
    max_errors: float
    p99_seconds: float
    cut: str = ""

    @property
    def ramp(self) -> float:
        """The seconds through which the load grows."""
        return self.seconds * RAMP

    def course(self, watch: Callable[[], str | None]) -> LoadProfile:
        """Return how the generator is to go about it."""
        limits = Limits(self.max_errors, self.p99_seconds)
        return LoadProfile(ramp=self.ramp, expect=self.expect, most=self.most, limits=limits, watch=watch)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return asdict(self)


def rehearsal_of(event: Occurrence | Mapping[str, Any], now: datetime, expires: timedelta) -> Occurrence:
    """Return the rehearsal of `event`, or of what is asked of services, as an event of its own that begins now.

    It has the lowest priority, so it takes only what the cap of the calendars leaves, and is over when it `expires`:
    then a sweep gives back what a rehearsal that died left behind.

    Raises:
        InputError: what is asked is refused (`event_invalid`).
    """
    name = f"{_REHEARSAL}-{event.event}"[:_LONGEST_NAME].rstrip("-") if isinstance(event, Occurrence) else _REHEARSAL
    asked = {
        "name": name,
        "start": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{now + expires:%Y-%m-%dT%H:%M:%SZ}",
        "services": plain_asks(event.asks) if isinstance(event, Occurrence) else dict(event),
        "priority": 0,
    }
    return ad_hoc_event(asked).occurrence


def is_rehearsal(event: Occurrence) -> bool:
    """Say whether `event` is what `rehearsal_of` returned."""
    return event.calendar == CALENDAR and event.event.startswith(_REHEARSAL)


def plain_asks(asks: Mapping[str, ServiceRequest]) -> dict[str, Any]:
    """Return what is asked of each service as a calendar writes it: JSON types only."""
    return {name: ask.model_dump(mode="json", exclude_none=True) for name, ask in asks.items()}


def named_event(calendars: Calendars, name: str, now: datetime) -> Occurrence:
    """Return the next occurrence that is not over of `CALENDAR.EVENT` or `EVENT`; or the one whose id is `name`.

    Raises:
        InputError: there is none (`event_unknown`), or the short name is that of several calendars' events.
    """
    ahead = [occurrence for occurrence in calendars.occurrences if now < occurrence.end]
    named = [
        occurrence
        for occurrence in ahead
        if name in (occurrence.id, occurrence.event, f"{occurrence.calendar}.{occurrence.event}")
    ]
    if not named:
        known = sorted({f"{occurrence.calendar}.{occurrence.event}" for occurrence in ahead})
        listed = ", ".join(known[:20]) or "none"
        raise InputError(
            f"event: {name[:100]!r} is not an upcoming event of the calendars; there are: {listed}.",
            code="event_unknown",
            field="event",
        )
    if len({occurrence.calendar for occurrence in named}) > 1:
        names = ", ".join(sorted({f"{occurrence.calendar}.{occurrence.event}" for occurrence in named}))
        raise InputError(
            f"event: {name!r} is ambiguous: it may be {names}. Give one of them.", code="event_unknown", field="event"
        )
    return named[0]


def without_shrinking(orders: Sequence[ServicePlan]) -> list[ServicePlan]:
    """Return the orders without those that make a service smaller: a rehearsal takes nothing away from anybody."""
    return [
        replace(order, steps=(), reason=f"{order.current} are more than the rehearsal asks for")
        if order.steps and order.steps[-1] < order.current
        else order
        for order in orders
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseTarget:
    """One service on its way back: `before` the rehearsal, `current`, and the `floor` that other events hold now.

    Where those are an autoscaler's minimum, its owner set `owner_minimum`, and a held one lapses at `until`.
    """

    service: str
    before: int
    current: int
    floor: int
    step_down: float
    after: tuple[str, ...] = ()
    owner_minimum: int | None = None
    until: datetime | None = None


def release_orders(services: Sequence[ReleaseTarget]) -> list[ServicePlan]:
    """Return the orders that give a rehearsal back, at once: what depends on others before those others.

    A run makes a service smaller by `step_down` of it at most, so it may take several. One that is not larger than it
    has to be is left alone: somebody else changed it meanwhile.
    """
    orders = []
    for service in services:
        # Another event may have begun meanwhile: what it holds is not the rehearsal's to take.
        target = max(service.before, service.floor)
        others = tuple(sorted(other.service for other in services if service.service in other.after))
        kept = "what it had before" if target == service.before else "what other events hold"
        # Back at its owner's own minimum, nothing of springtide's is left to lapse or to step down from.
        is_back = service.owner_minimum is not None and target <= service.owner_minimum
        steps = steps_down(service.current, target, 1.0 if is_back else service.step_down)
        until = None if is_back else service.until
        reason = f"the rehearsal is over: {kept}"
        orders.append(
            ServicePlan(
                service=service.service,
                current=service.current,
                steps=steps,
                after=others,
                reason=reason,
                until=until,
                gives_back=is_back,
            )
        )
    return orders


def steps_down(current: int, target: int, step_down: float) -> tuple[int, ...]:
    """Return the replicas to go through from `current` down to `target`; none where nothing has to go.

    A `step_down` of 0 goes there at once: the run is refused, and says which key forbids it.
    """
    if not step_down and current > target:
        return (target,)
    steps: list[int] = []
    at = current
    while at > target:
        at = max(target, at - max(1, round_down(at * step_down)))
        steps.append(at)
    return tuple(steps)


def load_order(
    policy: ScalingPolicy,
    ask: ServiceRequest,
    wanted: LoadLimits,
    *,
    replicas: int,
    demand: float | None,
    expected: int | None,
) -> LoadOrder | str:
    """Return the load for `policy`'s service, or why none may or can be sent.

    `replicas` stand when it is sent, `demand` is what customers send by now in requests/s, `expected` how many replicas
    the models ask for by that.
    """
    allowed = policy.spec.rehearsal
    if allowed is None or not wanted.load:
        return "no load: " + ("the policy has no `rehearsal`" if allowed is None else "none was wanted")
    if demand is None:
        return "no load: its demand is not known, so neither is what customers send by now"
    peak = forecast_peak(policy, ask, demand=demand, expected=expected)
    if peak is None:
        return (
            f"no load: no model of the policy says what one replica serves, so nobody knows what {ask} replicas are for"
        )
    if peak <= demand:
        return f"no load: customers send {demand:.4g} requests/s, the forecast peak is {peak:.4g}"
    rate, cut = _cut(peak - demand, allowed.max_rate, wanted.max_rate)
    seconds = _seconds(rate, allowed, wanted)
    if seconds < SHORTEST:
        return (
            f"no load: {rate:.4g} requests/s use up rehearsal.max_requests {allowed.max_requests} in {seconds:.1f} s; "
            f"less than {SHORTEST:g} s say nothing, so raise it or lower the rate"
        )
    order = _unlimited(policy, allowed, replicas=replicas, peak=peak, present=demand)
    return replace(order, rate=rate, seconds=seconds, cut=cut)


def _seconds(rate: float, allowed: Rehearsal, wanted: LoadLimits) -> float:
    """Return how long `rate` may be sent: a ramp from nothing sends half of what its time would."""
    seconds = min(allowed.duration.total_seconds(), wanted.seconds)
    sent = rate * seconds * (1 - RAMP / 2)
    return seconds * allowed.max_requests / sent if sent > allowed.max_requests else seconds


def _unlimited(policy: ScalingPolicy, allowed: Rehearsal, *, replicas: int, peak: float, present: float) -> LoadOrder:
    """Return the order as it would be without any bound on its rate and its time."""
    check = next(smoke.http for smoke in policy.spec.smoke if smoke.http is not None and smoke.http.is_plain)
    return LoadOrder(
        service=policy.name,
        replicas=replicas,
        path=check.path,
        port=check.port,
        expect=check.expect,
        peak=peak,
        present=present,
        rate=peak - present,
        seconds=allowed.duration.total_seconds(),
        most=allowed.max_requests,
        max_errors=float(allowed.max_errors),
        p99_seconds=allowed.p99_milliseconds / 1000,
    )


def forecast_peak(policy: ScalingPolicy, ask: ServiceRequest, *, demand: float, expected: int | None) -> float | None:
    """Return the demand that `ask` is for, in the unit of `demand`; None where nothing says so.

    A number of replicas without a model that says what one serves is taken at what is on one now, by the models' own
    count: demand ÷ expected.
    """
    if ask.multiply is not None:
        return demand * float(ask.multiply)
    assert ask.replicas is not None
    loads = [load for load in map(planned_load, policy.spec.capacity.models) if load is not None]
    if loads:
        return ask.replicas * min(loads)
    # Without demand, or without any replica that it is expected to need, nothing is on one.
    return ask.replicas * demand / expected if expected and demand else None


def _cut(rate: float, policys: float, asked: float) -> tuple[float, str]:
    most, name = min((policys, "rehearsal.max_rate of the policy"), (asked, "max_rate of this rehearsal"))
    return (rate, "") if rate <= most else (most, f"{name} is {most:g} requests/s")
