"""Capacity models of what comes: learned from weeks of demand, or told by a calendar."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from springtide.policy.language.moments import instant
from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import Count, Duration, Factor, Line, Percent, between, refusal, shown
from springtide.policy.scaling.capacity_part import AheadPart, Interval, ModelPart, Positive, Quantile
from springtide.policy.scaling.demand import FileDemand, Moment, PrometheusDemand

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class SeasonalSpec(AheadPart):
    """What the same stretch of earlier weeks (or days) asked for."""

    model: Literal["seasonal"] = "seasonal"
    """Which model this is."""

    per_replica: Positive
    """What one replica can serve when it is fully used, in the demand's unit. Required; measure it under load."""

    season: Literal["day", "week"] = "week"
    """What repeats. Default `week`: most services have weekends."""

    quantile: Quantile = Percent("95%")
    """Which of the earlier seasons counts, ordered by their demand. Default 95%: with fewer than twenty, the
    largest."""

    @property
    def looks_back(self) -> timedelta:
        """One season and what surrounds it."""
        return (7 if self.season == "week" else 1) * _DAY + _HOUR


class ConformalSpec(AheadPart):
    """An upper bound that was right as often as it says, over the last 7 days."""

    model: Literal["conformal"] = "conformal"
    """Which model this is."""

    per_replica: Positive
    """What one replica can serve when it is fully used, in the demand's unit. Required; measure it under load."""

    quantile: Quantile = Percent("95%")
    """How often the bound holds. Default 95%, the best on public traces for a service with an autoscaler."""

    @property
    def looks_back(self) -> timedelta:
        """What its first residuals need; three weeks use all of it."""
        return 3 * _HOUR


class ForecastSpec(AheadPart):
    """A statistical forecast with its prediction interval, fitted once a day by `capacity_history`."""

    model: Literal["forecast"] = "forecast"
    """Which model this is."""

    per_replica: Positive
    """What one replica can serve when it is fully used, in the demand's unit. Required; measure it under load."""

    season: Literal["day", "week"] = "day"
    """The longest season that is fitted. Default `day`. `week` fits both, takes eight times as long, and needs two
    weeks."""

    quantile: Quantile = Percent("95%")
    """Which upper quantile of the prediction interval counts. Default 95%."""

    @property
    def looks_back(self) -> timedelta:
        """Two seasons: fewer show no season."""
        return 2 * (7 if self.season == "week" else 1) * _DAY


def _day(value: object) -> date:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        with suppress(ValueError):  # no such day: refused below
            return date.fromisoformat(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise refusal("policy_type", f"expected a day such as 2025-11-11, got {shown(value)}")


Day = Annotated[
    date,
    BeforeValidator(_day),
    PlainSerializer(date.isoformat, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
]


def _raises(factor: Factor) -> Factor:
    if factor <= 0:
        raise refusal("policy_range", f"{factor} is out of range: more than 0x")
    return factor


class KnownEvent(Part):
    """One event, past or coming. Past ones of its kind teach what a coming one asks for."""

    kind: Line
    """What events have in common that are alike, such as `sale`. Required."""

    start: Moment
    """When it begins, with its zone. Required."""

    end: Moment
    """When it is over, with its zone. Required."""

    announced: Moment | None = None
    """When it became known; a plan for an earlier moment does not see it. Default none: always known."""

    multiply: Annotated[Factor, AfterValidator(_raises)] | None = None
    """Expect so many times the demand of the hour before. Default none: learn it from past events of the kind."""

    replicas: Count | None = None
    """Hold so many replicas. Default none."""

    like: Day | None = None
    """Expect what that day brought, from the same time of day on, by the clocks of `demand.timezone`. Default none."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if self.start >= self.end:
            yield Contradiction(("end",), f"end {self.end.isoformat()} is not after start {self.start.isoformat()}")
        given = [key for key in ("multiply", "replicas", "like") if getattr(self, key) is not None]
        if len(given) > 1:
            yield Contradiction(
                (given[1],), f"{' and '.join(given)} are given: at most one of them says what to expect"
            )
        past = self.past_start(UTC)
        if past is not None and past >= self.start:
            yield Contradiction(("like",), f"like {self.like} is not before start {self.start.isoformat()}")

    def past_start(self, zone: tzinfo) -> datetime | None:
        """Return when the occasion began that this one is like, in UTC: on that day and at this time, by `zone`."""
        if self.like is None:
            return None
        return instant(datetime.combine(self.like, self.start.astimezone(zone).time()), zone)


class EventModelSpec(ModelPart):
    """Known events: an uplift learned from past ones of the kind, or what the calendar says of each."""

    model: Literal["event"] = "event"
    """Which model this is."""

    per_replica: Positive
    """What one replica can serve when it is fully used, in the demand's unit. Required; measure it under load."""

    events: Annotated[tuple[KnownEvent, ...], Field(strict=False, min_length=1, max_length=500)]
    """Past and coming events; see `KnownEvent`. Required."""

    quantile: Percent = Percent("100%")
    """Which of the past events counts, ordered by their uplift. Default 100%, the largest: it measured best."""

    last: Annotated[int, Field(ge=1, le=100)] = 10
    """How many past events of the kind count. Default 10."""

    interval: Interval = Duration("15m")
    """How often runs are started for this service. Default 15m. Being early is free, being late is not."""

    startup: Annotated[Duration, between("1s", "1h")] = Duration("60s")
    """How long a pod takes from its creation to ready. Default 60s. Give the 95th percentile that you measured."""

    max_error: Percent = Percent("90%")
    """The error above which the model abstains for a kind of event and says so: past events of the kind are
    predicted, each from the others, and the share that was asked for too much is averaged. Default 90%: one event in
    ten that really brought so much keeps it in, so with `last` at 10 it always stays. Lower it where pods are dearer
    than a missed event; `100%` disables it."""

    @property
    def looks_back(self) -> timedelta:
        """The hour before, and as far as the days that events are like."""
        past = [(event.start, event.past_start(UTC)) for event in self.events]
        return max([_HOUR, *(start - began + _HOUR for start, began in past if began is not None)])

    def against(self, demand: PrometheusDemand | FileDemand) -> Iterator[Contradiction]:
        """Yield what this model and `demand` contradict each other in."""
        zone = ZoneInfo(demand.timezone or "UTC")
        for index, event in enumerate(self.events):
            past = event.past_start(zone)
            if past is None:
                continue
            back = event.start - past
            if back + _HOUR > demand.lookback:  # the hour before it is what its demand is measured against
                yield Contradiction(
                    ("events", index, "like"),
                    f"like {event.like} is {back.days} days before the event and demand.lookback is "
                    f"{demand.lookback}: make lookback longer",
                )
