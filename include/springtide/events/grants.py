"""How many replicas each service gets while events last: overlaps are the maximum, the cap goes by priority. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from springtide.events.occurrences import Occurrence
from springtide.plan.model import Clamp

_EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class ReplicaBounds:
    """A service's own least and most replicas, from its policy."""

    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The floor of one service: `replicas`, for which occurrence, and every clamp on the way."""

    service: str
    replicas: int
    occurrence: str
    reason: str
    clamps: tuple[Clamp, ...] = ()

    @property
    def asked(self) -> int:
        """What was asked for before anything was cut."""
        return max([self.replicas, *(clamp.was for clamp in self.clamps)])


def grants(
    going_on: Iterable[Occurrence],
    expected: Mapping[str, int],
    bounds: Mapping[str, ReplicaBounds],
    *,
    cap: int | None = None,
    noted: Mapping[tuple[str, str], int] | None = None,
    shares: Mapping[tuple[str, str], float] | None = None,
) -> dict[str, Grant]:
    """Return each service's floor under the events that are `going_on`.

    `expected` is what each service would have without them: what `multiply` multiplies. `noted` is what was
    expected when an occurrence was prepared, by its id and the service: it counts first, for an event changes what
    is expected. `shares` is how much of what an occurrence asks for beyond that is needed now, 0 to 1 under the same
    names; without it, all. A service that is not in `bounds` has no policy and gets nothing. With a `cap`,
    occurrences are served by priority, then by start, then by name; one that asks for more than is left gets what is
    left, service by service in proportion, and says so. A grant of 0 is no floor at all: nothing was left.
    """
    granted: dict[str, Grant] = {}
    for event in sorted(going_on, key=lambda event: (-event.priority, event.start, event.id)):
        # While an event lasts its load is in what is expected: multiplied anew, a floor would grow at each sweep.
        own = {name: base for (occurrence, name), base in (noted or {}).items() if occurrence == event.id}
        needed = {name: share for (occurrence, name), share in (shares or {}).items() if occurrence == event.id}
        asked = _asked(event, {**expected, **own}, bounds, needed)
        spare = None if cap is None else cap - sum(grant.replicas for grant in granted.values())
        for service, grant in _within(asked, granted, spare, cap).items():
            granted[service] = _larger(granted.get(service), grant)
    return granted


def _asked(
    occurrence: Occurrence,
    expected: Mapping[str, int],
    bounds: Mapping[str, ReplicaBounds],
    shares: Mapping[str, float],
) -> dict[str, Grant]:
    asked = {}
    for service, ask in occurrence.asks.items():
        if service not in bounds:
            continue
        base = expected.get(service, bounds[service].least)
        # 10 times 1.1 is 11.000000000000002: without the tolerance that would be a twelfth replica.
        wanted = ask.replicas if ask.multiply is None else math.ceil(base * ask.multiply - _EXACT)
        assert wanted is not None
        reason = f"{occurrence.id} asks for {ask}" + ("" if ask.multiply is None else f" of {base}")
        share = shares.get(service, 1.0)
        if share < 1 and wanted > base:
            wanted = math.ceil(base + (wanted - base) * share - _EXACT)
            reason += f", by the shape of past events {wanted} from now on"
        asked[service] = _bounded(
            Grant(service=service, replicas=wanted, occurrence=occurrence.id, reason=reason), bounds[service]
        )
    return asked


def _bounded(grant: Grant, bounds: ReplicaBounds) -> Grant:
    if grant.replicas > bounds.most:
        return _clamped(grant, bounds.most, "replicas.max", f"{grant.replicas} is above replicas.max {bounds.most}")
    if grant.replicas < bounds.least:
        return _clamped(grant, bounds.least, "replicas.min", f"{grant.replicas} is below replicas.min {bounds.least}")
    return grant


def _within(
    asked: Mapping[str, Grant], granted: Mapping[str, Grant], spare: int | None, cap: int | None
) -> dict[str, Grant]:
    """Return `asked`, cut to what is left of the cap: only what goes beyond an earlier grant has to be paid for."""
    had = {service: granted[service].replicas if service in granted else 0 for service in asked}
    more = {service: max(0, grant.replicas - had[service]) for service, grant in asked.items()}
    total = sum(more.values())
    if spare is None or total <= spare:
        return dict(asked)
    shares = _shares(more, max(0, spare))
    cut = {}
    for service, grant in asked.items():
        replicas = had[service] + shares[service] if more[service] else grant.replicas
        reason = f"{max(0, spare)} of the cap of {cap} pods are left, {total} are asked for"
        cut[service] = grant if replicas == grant.replicas else _clamped(grant, replicas, "cap.pods", reason)
    return cut


def _larger(held: Grant | None, grant: Grant) -> Grant:
    """Return the larger of two grants of one service; what the other asked for beyond it and did not get stays told."""
    if held is None or grant.replicas > held.replicas:
        return grant
    # What the smaller one missed below the larger is no loss to anybody, so nothing is told of it.
    missed = tuple(clamp for clamp in grant.clamps if clamp.was > held.replicas)
    return replace(held, clamps=held.clamps + missed)


def _shares(more: Mapping[str, int], spare: int) -> dict[str, int]:
    """Return `spare` pods, shared in proportion to `more`: largest remainders first, names break ties."""
    total = sum(more.values())
    shares = {service: spare * wanted // total for service, wanted in more.items()}
    by_remainder: Sequence[str] = sorted(more, key=lambda service: (-(spare * more[service] % total), service))
    for service in by_remainder[: spare - sum(shares.values())]:
        shares[service] += 1
    return shares


def _clamped(grant: Grant, replicas: int, guard: str, reason: str) -> Grant:
    clamp = Clamp(guard=guard, was=grant.replicas, replicas=replicas, reason=reason)
    return replace(grant, replicas=replicas, clamps=(*grant.clamps, clamp))
