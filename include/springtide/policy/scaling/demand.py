"""Where a service's demand is read, and what it must be like to be acted on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from springtide.policy.language.moments import Zone
from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.units import Duration, Line, Percent, PromQl, between, refusal, shown

_MAX_SAMPLES = 600_000  # a year of minutes; as Prometheus' JSON some 17 MB, in memory 10 MB


class Quality(Part):
    """When demand may be acted on. Otherwise a run keeps what runs, or is refused: missing demand is never zero."""

    max_age: Annotated[Duration, between("1s", "7d")] = Duration("5m")
    """How old the newest sample may be. Default 5m: five missed scrapes of a minute, and as long as Prometheus itself
    carries a sample on. Cannot be disabled: a run on old demand scales to the past."""

    max_missing: Percent = Percent("5%")
    """How many of the samples that `lookback` and `step` promise may be missing. Default 5%: a restart of the
    metrics' source is forgiven, an afternoon without it is not. `100%` disables the check. A history that begins later
    than `lookback`, but a day ago or more, counts from its own beginning."""

    sudden_fall: Percent = Percent("90%")
    """How far demand may fall within ten minutes, when it is not as low at this time on other days. Default 90%: then
    it is more often an outage than customers who left. `100%` disables the check."""

    at_most: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """The most demand that is believable, in its unit; more is refused in the newest hour, and a gap before it. Default
    none. It catches series that are counted several times over."""


class DemandPart(Part):
    """What every source of demand needs."""

    unit: Line
    """What the numbers count, such as `requests/s`, `jobs` or `cores`. Required: models compare it with theirs, and
    every message shows it."""

    lookback: Annotated[Duration, between("1m", "366d")] = Duration("1h")
    """How far back demand is read. Default 1h: all that models of recent demand need."""

    step: Annotated[Duration, between("1s", "1d")] = Duration("1m")
    """The spacing of the samples. Default 1m: what models think in, and what Prometheus is commonly scraped at."""

    timezone: Zone | None = None
    """Whose customers they are: the IANA name of their time zone, such as `America/New_York`. Models that learn from
    other days go by these clocks, also over the days on which clocks are put forward or back. Default none: that of
    the calendars in which the service has events, if they agree; else UTC, and the plan says so."""

    quality: Quality = Quality()
    """When the samples may be acted on; see `Quality`."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if self.step > self.lookback:
            yield Contradiction(("step",), f"step {self.step} is longer than lookback {self.lookback}")
        elif self.lookback / self.step > _MAX_SAMPLES:
            yield Contradiction(
                ("step",),
                f"lookback {self.lookback} at step {self.step} is {self.lookback // self.step} samples: "
                f"at most {_MAX_SAMPLES}; make step longer",
            )
        # At a step of an hour the newest sample may be an hour old: every run would be held.
        if self.quality.max_age < self.step:
            yield Contradiction(
                ("quality", "max_age"),
                f"max_age {self.quality.max_age} is shorter than step {self.step}: the newest sample may be that old",
            )


class History(Part):
    """How `capacity_history` reads the days of a service, in five-minute steps."""

    query: PromQl | None = None
    """PromQL that returns the largest demand of the last five minutes, such as a recording rule's series. Default
    none: `max_over_time` over `demand.query`, which Prometheus computes anew for each day."""

    replicas: PromQl | None = None
    """PromQL that returns the replicas that serve. Default none: what kube-state-metrics says of the
    Deployment."""


class PrometheusDemand(DemandPart):
    """Demand from the range API of Prometheus, or of anything that speaks it (Thanos, Mimir, VictoriaMetrics)."""

    source: Literal["prometheus"] = "prometheus"
    """Which kind of source this is."""

    query: PromQl
    """PromQL that returns exactly one series; wrap it in `sum(...)`. Required. Without a fallback such as
    `or vector(0)`: it makes a service that is not measured look like one that nobody uses, and holds it at 0."""

    history: History = History()
    """How past days are read; see `History`."""

    alive: Annotated[tuple[PromQl, ...], Field(strict=False, max_length=10)] = ()
    """PromQL of signals that are above 0 while the service is used, and that are measured elsewhere than its demand:
    requests at the ingress, CPU of its pods. Default none. When demand has vanished they tell a broken measurement
    from an outage and from an idle service; they are queried at every plan, so that a mistake in one shows on a quiet
    day. See `springtide.demand.usage_signals`."""


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    # Policies come from a repository that more people may write to than the machine that reads them: no file elsewhere.
    if path.is_absolute() or ".." in path.parts[1:] or "\\" in text or not text.isprintable():
        raise refusal(
            "path_not_allowed", f"{shown(text)}: write a path relative to the policy folder, with at most one '..'"
        )
    if not text.endswith((".csv", ".csv.gz", ".parquet")):
        raise refusal("path_not_allowed", f"{shown(text)}: a file of demand ends in .csv, .csv.gz or .parquet")
    return text


def read_time(value: object) -> datetime:
    """Return the moment that ISO 8601 text with a zone stands for.

    Raises:
        PydanticCustomError: it is something else (`policy_type`).
    """
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment.astimezone(UTC)
    raise refusal("policy_type", f"expected a time with its zone such as 1998-06-23T14:00:00Z, got {shown(value)}")


def write_time(moment: datetime) -> str:
    """Return `moment` as ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Moment = Annotated[
    datetime,
    BeforeValidator(read_time),
    PlainSerializer(write_time, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class FileDemand(DemandPart):
    """Demand from a CSV, gzip CSV or Parquet file: `timestamp` (ISO 8601 with its zone) and `value`."""

    source: Literal["file"] = "file"
    """Which kind of source this is."""

    path: Annotated[
        str, AfterValidator(_inside), WithJsonSchema({"type": "string", "pattern": r"\.(csv|csv\.gz|parquet)$"})
    ]
    """The file, relative to the folder of policies: in it, or beside it (`../traces/day.csv.gz`). Required."""

    as_of: Moment | None = None
    """The moment of the file that counts as now, with its zone: a recorded day is replayed as if it were today. Default
    none: the file's times are real ones."""


DemandSpec = Annotated[PrometheusDemand | FileDemand, Field(discriminator="source")]
