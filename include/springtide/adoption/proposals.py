"""From what objects ask for to documents that ask for the same. Pure.

One policy for each workload, and one calendar for each zone of a namespace.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from springtide.adoption.asks import AskingObject, Reading, TimedAsk, Years
from springtide.adoption.cron_hpa import KINDS as CRON_HPAS
from springtide.adoption.cron_hpa import read_cron_hpa
from springtide.adoption.downscaler import DownscalerDefaults, read_downscaler
from springtide.adoption.found import FoundObjects
from springtide.adoption.hpa import KIND as HPA
from springtide.adoption.hpa import read_hpa
from springtide.adoption.keda import KIND as SCALED_OBJECT
from springtide.adoption.keda import read_scaled_object
from springtide.adoption.left_over import is_known, left_over
from springtide.adoption.remarks import ADVISE, ADVISES, Remark, Standing
from springtide.adoption.repeats import Repeat, repeated, shape_count
from springtide.policy.language.units import MAX_REPLICAS
from springtide.workload import Workload

MOST_EVENTS_OF_ONE_ASK: Final = 100
"""More would be a schedule that no person reads in a calendar."""

_EVENTS_OF_A_CALENDAR: Final = 200
_NAME: Final = 63
_EXACT: Final = {"step_up": "10000x", "step_down": "100%", "tolerance": "0%"}
"""A schedule went to its number at once, however far it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedDocument:
    """One document for a folder of policies or calendars; `sources` are the objects that it does the same as."""

    kind: str
    name: str
    content: Mapping[str, Any]
    sources: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where it belongs, from the folder of a policy repository."""
        return f"{'policies' if self.kind == 'ScalingPolicy' else 'calendars'}/{self.name}.yaml"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Everything that is proposed, and everything that has to be said about it."""

    documents: tuple[ProposedDocument, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user says of the documents: who answers for them, whose clocks count where no object says so."""

    owner: str | None
    defaults: DownscalerDefaults
    years: Years


CalendarKey = tuple[str, ZoneInfo]
"""A namespace and a zone: one calendar, so that namespaces can be imported one after the other."""


@dataclass(slots=True, kw_only=True)
class _Drafts:
    policies: list[ProposedDocument] = field(default_factory=list)
    events: dict[CalendarKey, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    sources: dict[CalendarKey, list[str]] = field(default_factory=lambda: defaultdict(list))
    remarks: list[Remark] = field(default_factory=list)


def propose(objects: FoundObjects, wishes: Wishes) -> Proposal:
    """Return the policies and calendars that ask for what `objects` ask for."""
    reading = Reading()
    read_downscaler(objects, wishes.defaults, wishes.years, reading)
    for found in filter(is_known, objects.of_kind(*CRON_HPAS)):
        read_cron_hpa(found, objects, wishes.defaults.zone, wishes.years, reading)
    for found in filter(is_known, objects.of_kind(SCALED_OBJECT)):
        read_scaled_object(found, wishes.years, reading)
    covered = {title for each in reading.asking for title in each.covers}
    for found in filter(is_known, objects.of_kind(HPA)):
        if found.title not in covered:
            read_hpa(found, reading)
    told = {remark.subject for remark in reading.remarks}
    drafts = _Drafts(remarks=[*reading.remarks, *left_over(objects, reading.asking, told)])
    by_workload: dict[Workload, list[AskingObject]] = defaultdict(list)
    for asking in reading.asking:
        by_workload[asking.workload].append(asking)
    names = policy_names(by_workload)
    for workload, asking_objects in by_workload.items():
        together = _together(asking_objects, drafts.remarks)
        if together is not None:
            _draft(together, names[workload], wishes, drafts)
    taken: set[str] = set()
    calendars = [each for key in drafts.events for each in _calendars(key, drafts, wishes.owner, taken)]
    documents = sorted((*drafts.policies, *calendars), key=lambda each: (each.kind != "ScalingPolicy", each.path))
    remarks = [*drafts.remarks, ADVISES] if drafts.policies else drafts.remarks
    return Proposal(tuple(documents), tuple(dict.fromkeys(remarks)))


def policy_names(workloads: Iterable[Workload]) -> dict[Workload, str]:
    """Return the name of each workload's policy: its own, with what sets it apart where several have it."""
    each = list(workloads)
    same = Counter(workload.deployment for workload in each)
    names: dict[Workload, str] = {}
    taken: set[str] = set()
    for workload in sorted(each, key=str):
        alone = same[workload.deployment] == 1
        names[workload] = unique(workload.deployment if alone else f"{workload.namespace}-{workload.deployment}", taken)
    return names


def unique(text: str, taken: set[str]) -> str:
    """Return `text` as a name that is not in `taken`, and add it there."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower())[:_NAME].strip("-") or "unnamed"
    name = plain
    number = 1
    while name in taken:
        number += 1
        name = f"{plain[: _NAME - len(str(number)) - 1].rstrip('-')}-{number}"
    taken.add(name)
    return name


def _together(asking: Sequence[AskingObject], remarks: list[Remark]) -> AskingObject | None:
    """Return what several objects ask for of one workload; None where they contradict each other."""
    floors = [each for each in asking if each.floor is not None]
    setters = [each for each in asking if each.floor is None]
    counts = floors or (setters if len(setters) == 1 else ())
    # Whoever is left out goes on as it is: nothing is to be done about it when the calendar is in use.
    remarks += [
        remark for each in asking for remark in each.remarks if each in counts or remark.standing is not Standing.TO_DO
    ]
    if len(floors) > 1 and len({each.floor for each in floors}) > 1:
        remarks.append(_contradiction(floors, "two autoscalers own its replicas; remove one, and import again"))
        return None
    if floors and setters:
        remarks += [_overruled(each, floors[0]) for each in setters]
        return _largest(floors)
    if len(setters) > 1:
        remarks.append(_contradiction(setters, "the last that writes wins, which no calendar can say; keep one"))
        return None
    return _largest(floors) if floors else setters[0]


def _largest(floors: Sequence[AskingObject]) -> AskingObject:
    """Return several asks of one autoscaler as one: of minimums that are moved the lowest is its own."""
    return AskingObject(
        title=", ".join(each.title for each in floors),
        workload=floors[0].workload,
        least=min(each.least for each in floors),
        most=max(each.most for each in floors),
        asks=tuple(ask for each in floors for ask in each.asks),
        floor=floors[0].floor,
        raises_maximum=any(each.raises_maximum for each in floors),
    )


def _contradiction(asking: Sequence[AskingObject], advice: str) -> Remark:
    subject = f"{asking[0].workload.kind.noun} {asking[0].workload.namespace}/{asking[0].workload.deployment}"
    titles = ", ".join(each.title for each in asking)
    text = f"{advice}. No policy was written"
    return Remark(standing=Standing.NO_EQUAL, subject=subject, field="scaled by", value=titles, advice=text)


def _overruled(setter: AskingObject, floor: AskingObject) -> Remark:
    advice = f"{floor.floor} owns these replicas and overrules it; its times were not written, only the autoscaler's"
    return Remark(standing=Standing.NO_EQUAL, subject=setter.title, field="", value="", advice=advice)


def _draft(asking: AskingObject, name: str, wishes: Wishes, drafts: _Drafts) -> None:
    sources = tuple(asking.title.split(", "))
    owner = wishes.owner or asking.workload.namespace
    drafts.policies.append(
        ProposedDocument(kind="ScalingPolicy", name=name, content=_policy(asking, name, owner), sources=sources)
    )
    taken = {event["name"] for events in drafts.events.values() for event in events}
    for ask in asking.asks:
        if ask.replicas <= max(1, asking.least):
            continue
        stretches = wishes.years.begun_in(ask.stretches, ask.zone)
        least = shape_count(stretches, ask.zone)
        entries = repeated(stretches, ask.zone, wishes.years.days) if least <= MOST_EVENTS_OF_ONE_ASK else []
        if max(least, len(entries)) > MOST_EVENTS_OF_ONE_ASK:
            drafts.remarks.append(_too_many(asking, ask, max(least, len(entries))))
            continue
        drafts.remarks += _bounded(asking, ask, entries, wishes.years)
        key = (asking.workload.namespace, ask.zone)
        for entry in entries:
            event = {"name": unique(f"{name}-{ask.name}", taken), **entry.to_event()}
            event["services"] = {name: {"replicas": min(ask.replicas, MAX_REPLICAS)}}
            drafts.events[key].append(event)
        drafts.sources[key] += sources


def _too_many(asking: AskingObject, ask: TimedAsk, count: int) -> Remark:
    advice = f"it takes {count} entries of a calendar, {MOST_EVENTS_OF_ONE_ASK} are the most; its times were left out"
    value = f"{ask.name}, {ask.replicas} replicas"
    return Remark(standing=Standing.NO_EQUAL, subject=asking.title, field="schedule", value=value, advice=advice)


def _bounded(asking: AskingObject, ask: TimedAsk, entries: Sequence[Repeat], years: Years) -> list[Remark]:
    """Return the remark that single days were written, which end with the years that were worked out."""
    single = [entry for entry in entries if entry.is_bounded]
    if not single:
        return []
    advice = f"{len(single)} of {len(entries)} entries name single days, until {years.last}; import again before that"
    value = f"{ask.name}, {ask.replicas} replicas"
    return [Remark(standing=Standing.DIFFERS, subject=asking.title, field="schedule", value=value, advice=advice)]


def _policy(asking: AskingObject, name: str, owner: str) -> dict[str, Any]:
    least = min(max(1, asking.least), MAX_REPLICAS)
    most = min(max(least, asking.most, *(ask.replicas for ask in asking.asks)), MAX_REPLICAS)
    strategy: dict[str, Any] = {"type": "in_place" if asking.floor is None else "floor"}
    if asking.raises_maximum:
        strategy["raise_max"] = True
    spec: dict[str, Any] = {
        "mode": ADVISE,
        "target": target_of(asking.workload),
        "replicas": {"min": least, "max": most},
        "capacity": {"models": [{"model": "fixed", "replicas": least}]},
        "strategy": strategy,
    }
    if asking.asks:
        spec["guards"] = dict(_EXACT)
    return policy_document(name, owner, spec)


def target_of(workload: Workload, service: str | None = None) -> dict[str, str]:
    """Return a policy's target."""
    target = {"namespace": workload.namespace, workload.kind.value: workload.deployment}
    return target if service is None else target | {"service": service}


def policy_document(name: str, owner: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy as it is written."""
    metadata = {"name": name, "owner": owner}
    return {"apiVersion": "springtide/v1", "kind": "ScalingPolicy", "metadata": metadata, "spec": dict(spec)}


def _calendars(key: CalendarKey, drafts: _Drafts, owner: str | None, taken: set[str]) -> list[ProposedDocument]:
    """Return the calendars of one zone: one, unless a file would become too long to be read."""
    namespace, zone = key
    events = drafts.events[key]
    documents = []
    for at in range(0, len(events), _EVENTS_OF_A_CALENDAR):
        name = unique(f"{namespace}-{zone.key}", taken)
        content = {
            "apiVersion": "springtide/v1",
            "kind": "EventCalendar",
            "metadata": {"name": name, "owner": owner or namespace},
            "spec": {"timezone": zone.key, "events": events[at : at + _EVENTS_OF_A_CALENDAR]},
        }
        sources = tuple(dict.fromkeys(drafts.sources[key]))
        documents.append(ProposedDocument(kind="EventCalendar", name=name, content=content, sources=sources))
    return documents
