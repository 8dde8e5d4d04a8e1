"""What one whole day teaches: the day itself, and the newest one the models too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog

from springtide.errors import InputError, PermanentError, PolicyError

if TYPE_CHECKING:
    from springtide.policy.reading.folder import PolicyFolder
    from springtide.record.history import HistoryDay
    from springtide.training.days import Learning

log = structlog.get_logger(__name__)

_SHOWN: Final = ("day", "peak", "required", "actual", "saturation", "quality", "pages")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedDay:
    """A day that is kept; `stale` says where the cluster follows older numbers, `not_fitted` why no model is."""

    day: HistoryDay
    stale: tuple[str, ...] = ()
    not_fitted: str | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What somebody should look at."""
        return (*(() if self.not_fitted is None else (f"no model is fitted: {self.not_fitted}",)), *self.stale)

    def to_record(self) -> dict[str, Any]:
        """Return what people see of it: JSON types only."""
        record = self.day.to_record()
        shown = {name: value for name, value in record.items() if name in _SHOWN}
        return shown | ({"stale": list(self.stale)} if self.stale else {})

    def __str__(self) -> str:
        day = self.day
        peak = "no peak" if day.peak is None else f"peak {day.peak:.4g} {day.unit}"
        filled = "" if day.required is None else f", {day.required} replicas filled"
        ran = "" if day.actual is None else f" of {day.actual:g}"
        page = "" if day.pages is None else f", page {day.pages}"
        return f"{day.day}: {peak}{filled}{ran}, quality {day.quality.get('outcome', 'unknown')}{page}"


def last_whole_day(now: datetime) -> date:
    """Return the UTC day before the one of `now`."""
    return now.astimezone(UTC).date() - _DAY


def day_asked(start: datetime | None, due: datetime) -> date:
    """Return the UTC day that begins at `start`; without one, the last whole day when the run was `due`."""
    return last_whole_day(due) if start is None else start.astimezone(UTC).date()


def demanding_services(folder: PolicyFolder) -> list[str]:
    """Return the services whose policy reads demand; a policy with errors is logged and left to its own runs."""
    services = []
    for name in folder.names():
        try:
            policy = folder.get(name)
        except PolicyError as error:
            log.warning("service_left_out", service=name, message=error.message)
        else:
            if policy.spec.demand is not None:
                services.append(name)
    return services


def require_over(day: date, now: datetime) -> None:
    """Pass for a UTC day that is over.

    Raises:
        InputError: it is not over yet (`day_not_over`).
    """
    if day > last_whole_day(now):
        raise InputError(f"{day} is not over yet: only whole days teach.", code="day_not_over", field="conf")


def learn_whole_day(learning: Learning, day: date, now: datetime) -> LearnedDay:
    """Keep `day` (UTC); the newest whole day also has its models fitted, judged and tuned.

    Raises:
        InputError: the day is not over yet (`day_not_over`).
        DemandUnavailable, TemporaryError: the metrics or the store did not answer.
    """
    from springtide.training import tuning
    from springtide.training.days import learn_day, learn_models

    require_over(day, now)
    learned = learn_day(learning, day)
    if day != last_whole_day(now):
        return LearnedDay(day=learned)
    try:
        learn_models(learning, now)
        tuned = tuning.tune_learning(learning, now)
    except PermanentError as error:
        return LearnedDay(day=learned, not_fitted=error.message)
    return LearnedDay(day=learned, stale=tuple(model.stale for model in tuned if model.stale is not None))
