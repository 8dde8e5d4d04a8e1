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

    def to_record(self) -> dict[str, Any]:
        """Return what people see of it: JSON types only."""
        record = self.day.to_record()
        shown = {name: value for name, value in record.items() if name in _SHOWN}
        return shown | ({"stale": list(self.stale)} if self.stale else {})


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


def learn_whole_day(learning: Learning, day: date, now: datetime) -> LearnedDay:
    """Keep `day` (UTC); the newest whole day also has its models fitted, judged and tuned.

    Raises:
        InputError: the day is not over yet (`day_not_over`).
        DemandUnavailable, TemporaryError: the metrics or the store did not answer.
    """
    from springtide.training import tuning
    from springtide.training.days import learn_day, learn_models

    newest = last_whole_day(now)
    if day > newest:
        raise InputError(f"{day} is not over yet: only whole days teach.", code="day_not_over", field="conf")
    learned = learn_day(learning, day)
    if day != newest:
        return LearnedDay(day=learned)
    try:
        learn_models(learning, now)
        tuned = tuning.tune_learning(learning, now)
    except PermanentError as error:
        return LearnedDay(day=learned, not_fitted=error.message)
    return LearnedDay(day=learned, stale=tuple(model.stale for model in tuned if model.stale is not None))
