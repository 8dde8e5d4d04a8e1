"""What a CronHPA object asks for: each job sets the replicas, and they stay until the next one does.

Two kinds are known: `CronHorizontalPodAutoscaler` of kubernetes-cronhpa-controller (schedules with seconds, `@date`,
`runOnce`, `excludeDates`), and `CronHPA` of tkestack (five fields). Both go by the clocks of their controller, which no
object tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

from springtide.adoption.asks import AskingObject, Reading, TimedAsk, Years
from springtide.adoption.cron import CronError, CronSchedule
from springtide.adoption.found import FoundObject, FoundObjects, entries, mapping, scaled_by, whole_number
from springtide.adoption.keda import unscalable
from springtide.adoption.remarks import Remark, Standing
from springtide.adoption.spans import Stretch, united
from springtide.policy.language.moments import instant
from springtide.workload import Workload

KINDS: Final = ("CronHorizontalPodAutoscaler", "CronHPA")
_DATE: Final = re.compile(r"@date\s+([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})")
_DAY: Final = timedelta(days=1)
_LONGEST_WAIT: Final = timedelta(days=5 * 366)
"""After that the library gives a schedule up."""

_SPEC_KEYS: Final = frozenset({"scaleTargetRef", "jobs", "crons", "excludeDates"})
_JOB_KEYS: Final = frozenset({"name", "schedule", "targetSize", "targetReplicas", "runOnce"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One job: at which instants it sets the replicas, and to how many."""

    name: str
    size: int
    moments: tuple[datetime, ...]


class JobError(ValueError):
    """A job cannot be followed: which field, its value, and what to do."""

    def __init__(self, key: str, value: object, advice: str) -> None:
        super().__init__(advice)
        self.key = key
        self.value = value
        self.advice = advice


def read_cron_hpa(found: FoundObject, objects: FoundObjects, zone: ZoneInfo, years: Years, reading: Reading) -> None:
    """Add what a CronHPA object asks for to `reading`; `zone` is that of its controller's clocks."""
    hpa, workload = _target(found, objects)
    if workload is None:
        reading.remarks.append(_untold_target(found) or unscalable(found))
        return
    remarks: list[Remark] = list(_unknown(found))
    jobs = _jobs(found, zone, years, remarks)
    if not jobs:
        advice = "no job of it can be followed, so nothing was written for it"
        reading.remarks += [*remarks, found.remark(Standing.NO_EQUAL, "jobs", len(_written(found)), advice)]
        return
    sizes = [job.size for job in jobs]
    before = _before(found, workload, objects, hpa, sizes)
    settings = sorted((moment, job.size, job.name) for job in jobs for moment in job.moments)
    maximum = whole_number(hpa.spec.get("maxReplicas")) if hpa is not None else None
    remarks += _remarks(found, hpa, zone, sizes, is_whole=len(jobs) == len(_written(found)))
    remarks += _at_once(found, jobs)
    reading.asking.append(
        AskingObject(
            title=found.title,
            workload=workload,
            least=min(*sizes, before),
            most=max(*sizes, before, maximum or 0),
            asks=tuple(_asks(settings, before, zone, years)),
            floor=hpa.title if hpa is not None else None,
            raises_maximum=maximum is not None and max(sizes) > maximum,
            covers=(hpa.title,) if hpa is not None else (),
            remarks=tuple(remarks),
        )
    )


def _target(found: FoundObject, objects: FoundObjects) -> tuple[FoundObject | None, Workload | None]:
    """Return the HPA that it scales, where it scales one, and the workload behind it."""
    reference = mapping(found.spec.get("scaleTargetRef"))
    if reference.get("kind") != "HorizontalPodAutoscaler":
        return None, scaled_by(found)
    hpa = objects.named("HorizontalPodAutoscaler", found.namespace, str(reference.get("name")))
    return hpa, scaled_by(hpa) if hpa is not None else None


def _untold_target(found: FoundObject) -> Remark | None:
    reference = mapping(found.spec.get("scaleTargetRef"))
    if reference.get("kind") != "HorizontalPodAutoscaler":
        return None
    advice = "what it scales stands in that HPA, and it was not found or scales no known kind; import both together"
    return found.remark(Standing.NO_EQUAL, "scaleTargetRef", f"HorizontalPodAutoscaler {reference.get('name')}", advice)


def _before(
    found: FoundObject, workload: Workload, objects: FoundObjects, hpa: FoundObject | None, sizes: list[int]
) -> int:
    """Return what holds until the first job has run."""
    if hpa is not None:
        return whole_number(hpa.spec.get("minReplicas", 1)) or 1
    scaled = objects.named(workload.kind.noun, found.namespace, workload.deployment)
    return min(sizes) if scaled is None or scaled.spec.get("replicas") is None else scaled.replicas


def _written(found: FoundObject) -> list[Mapping[str, Any]]:
    return entries(found.spec.get("jobs", found.spec.get("crons")))


def _jobs(found: FoundObject, zone: ZoneInfo, years: Years, remarks: list[Remark]) -> list[_Job]:
    excluded = list(_excluded(found, remarks))
    jobs = []
    for number, written in enumerate(_written(found)):
        try:
            job = _job(found, written, zone, years)
        except JobError as error:
            field = f"{'jobs' if 'jobs' in found.spec else 'crons'}[{number}].{error.key}"
            advice = f"{error.advice}; this job was left out"
            remarks.append(found.remark(Standing.NO_EQUAL, field, error.value, advice))
            continue
        on = (each for each in job.moments if not _is_off(each, zone, excluded))
        jobs.append(replace(job, name=job.name or f"job-{number + 1}", moments=tuple(on)))
    return jobs


def _job(found: FoundObject, written: Mapping[str, Any], zone: ZoneInfo, years: Years) -> _Job:
    key = "targetReplicas" if "targetReplicas" in written else "targetSize"
    size = whole_number(written.get(key))
    if size is None:
        raise JobError(key, written.get(key), "write a whole number")
    text = str(written.get("schedule") or "")
    if written.get("runOnce") is True:
        since = found.created or years.now
        days = (since.date() - _DAY, since.date() + _LONGEST_WAIT)
        moments = tuple(islice((each for each in _moments(found, text, zone, days) if each > since), 1))
    else:
        moments = tuple(_moments(found, text, zone, years.followed))
    return _Job(name=str(written.get("name") or ""), size=size, moments=moments)


def _moments(found: FoundObject, text: str, zone: ZoneInfo, days: tuple[date, date]) -> Iterator[datetime]:
    """Return when a schedule comes in the days from the first to the last of `days`."""
    match = _DATE.fullmatch(text.strip())
    if match:
        try:
            return iter((instant(datetime.fromisoformat(f"{match[1]}T{match[2]}"), zone),))
        except ValueError as error:
            raise JobError("schedule", text, f"{error}; write a date that there is") from error
    try:
        schedule = CronSchedule.parse(text, with_seconds=found.kind == "CronHorizontalPodAutoscaler")
    except CronError as error:
        raise JobError("schedule", text or None, str(error)) from error
    return schedule.instants(zone, *days)


def _excluded(found: FoundObject, remarks: list[Remark]) -> Iterator[CronSchedule]:
    written = found.spec.get("excludeDates")
    for number, text in enumerate(written if isinstance(written, list) else ()):
        try:
            yield CronSchedule.parse(_days_of(str(text)), with_seconds=True)
        except CronError as error:
            advice = f"{error}; the controller passes it over, and so was it here"
            remarks.append(found.remark(Standing.NO_EQUAL, f"excludeDates[{number}]", text, advice))


def _days_of(text: str) -> str:
    """Return the schedule of an excluded date with its time of day taken out: the smallest unit is a day."""
    fields = text.split()
    return " ".join(["0", "0", "0", *fields[3:]]) if len(fields) == 6 else text  # noqa: PLR2004  # with seconds


def _is_off(moment: datetime, zone: ZoneInfo, excluded: list[CronSchedule]) -> bool:
    day = moment.astimezone(zone).date()
    return any(schedule.comes_on(day) for schedule in excluded)


def _asks(settings: list[tuple[datetime, int, str]], before: int, zone: ZoneInfo, years: Years) -> Iterator[TimedAsk]:
    """Yield one ask for each job: from when it ran until another one did."""
    start, end = years.edges
    held: dict[tuple[str, int], list[Stretch]] = {}
    standing = ("before", before)
    since = start
    for moment, size, name in settings:
        if size != standing[1]:
            held.setdefault(standing, []).append((since, moment))
            standing = (name, size)
            since = moment
    held.setdefault(standing, []).append((since, end))
    for (name, size), stretches in held.items():
        yield TimedAsk(name=name, replicas=size, zone=zone, stretches=tuple(united(stretches)))


def _at_once(found: FoundObject, jobs: list[_Job]) -> Iterator[Remark]:
    """Yield a remark where two jobs set different replicas at one instant: whoever came last won."""
    at: dict[datetime, _Job] = {}
    told: set[str] = set()
    for job in jobs:
        for moment in job.moments:
            other = at.setdefault(moment, job)
            if other.size != job.size and job.name not in told:
                told.add(job.name)
                both = f"{other.name}: {other.size}, {job.name}: {job.size}"
                advice = f"both run at {moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC, in no order; the larger was taken"
                yield found.remark(Standing.DIFFERS, "jobs", both, advice)


def _unknown(found: FoundObject) -> Iterator[Remark]:
    for key, value in found.spec.items():
        if key not in _SPEC_KEYS:
            yield found.remark(Standing.NO_EQUAL, key, value, "it is not known here; see whether you need it")
    for number, job in enumerate(_written(found)):
        for key, value in job.items():
            if key not in _JOB_KEYS:
                advice = "it is not known here; see whether you need it"
                yield found.remark(Standing.NO_EQUAL, f"jobs[{number}].{key}", value, advice)


def _remarks(
    found: FoundObject, hpa: FoundObject | None, zone: ZoneInfo, sizes: list[int], *, is_whole: bool
) -> Iterator[Remark]:
    advice = f"no object tells the clocks of its controller; {zone.key} was taken: --timezone"
    yield found.remark(Standing.DIFFERS, "timezone", "not said", advice)
    if min(sizes) == 0:
        advice = "a policy keeps at least 1 replica; keep this object where 0 is wanted"
        yield found.remark(Standing.NO_EQUAL, "targetSize", 0, advice)
    if hpa is not None:
        advice = "the controller moves the bounds of the HPA as far as its present replicas ask for; events hold them"
        yield found.remark(Standing.DIFFERS, "scaleTargetRef", hpa.title, advice)
        advice = f"set it to {max(1, min(sizes))} when the calendar is in use: the events raise it"
        yield hpa.remark(Standing.TO_DO, "minReplicas", hpa.spec.get("minReplicas", 1), advice)
    first = "" if is_whole else "see to what was left out above; then "
    advice = f"{first}delete it when the calendar is in use: two that set the replicas would undo each other"
    yield found.remark(Standing.TO_DO, "", "", advice)
