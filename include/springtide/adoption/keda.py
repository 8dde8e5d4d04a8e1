"""What a KEDA ScaledObject asks for: its cron triggers, and the minimum and maximum around them.

A cron trigger is active while its next `end` comes before its next `start`; so its documentation says, and so does the
library that reads it. Of several triggers the largest answer counts, as of several events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from springtide.adoption.asks import AskingObject, Reading, TimedAsk, Years, ZoneError, is_always, zone_of
from springtide.adoption.cron import CronError, CronSchedule
from springtide.adoption.found import FoundObject, entries, mapping, scaled_by, whole_number
from springtide.adoption.remarks import Remark, Standing
from springtide.adoption.spans import Stretch, united

GROUP: Final = "keda.sh"
KIND: Final = "ScaledObject"
_DEFAULT_MAXIMUM: Final = 100
_CRON_KEYS: Final = frozenset({"timezone", "start", "end", "desiredReplicas"})
_PAUSED: Final = ("autoscaling.keda.sh/paused-replicas", "autoscaling.keda.sh/paused")

_OTHER_FIELDS: Final = {
    "pollingInterval": (Standing.STAYS, "KEDA alone asks its triggers; a calendar needs no polling"),
    "cooldownPeriod": (
        Standing.DIFFERS,
        "KEDA waits so long after its last trigger before it goes to 0; an event ends when it ends",
    ),
    "initialCooldownPeriod": (Standing.DIFFERS, "it concerns going to 0, which springtide leaves to KEDA"),
    "idleReplicaCount": (
        Standing.NO_EQUAL,
        "it lets the workload sleep below its minimum, which a policy keeps; remove it, or leave this one to KEDA",
    ),
    "fallback": (Standing.STAYS, "KEDA keeps it for its other triggers; a calendar cannot fail to be measured"),
    "advanced": (Standing.STAYS, "it concerns the HPA that KEDA keeps, which goes on as long as the ScaledObject does"),
}
_KNOWN: Final = frozenset({"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "triggers"})


class TriggerError(ValueError):
    """A cron trigger cannot be followed: which field, its value, and what to do."""

    def __init__(self, key: str, value: object, advice: str) -> None:
        super().__init__(advice)
        self.key = key
        self.value = value
        self.advice = advice


def read_scaled_object(found: FoundObject, years: Years, reading: Reading) -> None:
    """Add what a ScaledObject asks for to `reading`, and what has to be said about it."""
    workload = scaled_by(found)
    if workload is None:
        reading.remarks.append(unscalable(found))
        return
    least = whole_number(found.spec.get("minReplicaCount", 0))
    most = whole_number(found.spec.get("maxReplicaCount", _DEFAULT_MAXIMUM))
    if least is None or most is None or most < 1:
        bounds = f"{found.spec.get('minReplicaCount')}, {found.spec.get('maxReplicaCount')}"
        advice = "they are no whole numbers; correct them, and import again"
        reading.remarks.append(found.remark(Standing.NO_EQUAL, "minReplicaCount, maxReplicaCount", bounds, advice))
        return
    remarks = [*_fields(found), *_pauses(found)]
    triggers = entries(found.spec.get("triggers"))
    others = [trigger for trigger in triggers if trigger.get("type") != "cron"]
    asks: list[TimedAsk] = []
    is_whole = True
    for number, trigger in enumerate(triggers):
        if trigger.get("type") != "cron":
            continue
        try:
            least, new = _of_trigger(found, (number, trigger), (least, most), years, remarks)
        except TriggerError as error:
            field = f"triggers[{number}].metadata.{error.key}"
            advice = f"{error.advice}; this trigger was left out"
            remarks.append(found.remark(Standing.NO_EQUAL, field, error.value, advice))
            is_whole = False
        else:
            asks += new
    reading.asking.append(
        AskingObject(
            title=found.title,
            workload=workload,
            least=least,
            most=most,
            asks=tuple(asks),
            floor=found.title if others else None,
            remarks=(*remarks, *_what_to_do(found, least, is_whole=is_whole)),
        )
    )


def unscalable(found: FoundObject) -> Remark:
    """Return the remark about an object that scales what springtide cannot."""
    reference = mapping(found.spec.get("scaleTargetRef"))
    value = f"{reference.get('kind') or 'Deployment'} {reference.get('name', '')}".strip()
    advice = "springtide scales Deployments, StatefulSets and Rollouts; leave this one to what scales it now"
    return found.remark(Standing.NO_EQUAL, "scaleTargetRef", value, advice)


def active(start: CronSchedule, end: CronSchedule, zone_name: str, years: Years) -> list[Stretch]:
    """Return when a trigger is active: up to each of its ends, from what came before that, a start or an end."""
    zone = zone_of(zone_name)
    ends = set(end.instants(zone, *years.followed))
    everything = sorted(ends | set(start.instants(zone, *years.followed)))
    return united((before, after) for before, after in pairwise(everything) if after in ends)


def _of_trigger(
    found: FoundObject,
    trigger: tuple[int, Mapping[str, Any]],
    bounds: tuple[int, int],
    years: Years,
    remarks: list[Remark],
) -> tuple[int, list[TimedAsk]]:
    """Return the least that holds with this trigger, and its ask; what differs goes into `remarks`.

    Raises:
        TriggerError: it cannot be followed.
    """
    number, written = trigger
    least, most = bounds
    metadata = mapping(written.get("metadata"))
    replicas, stretches = _followed(metadata, years)
    remarks += [
        found.remark(Standing.NO_EQUAL, f"triggers[{number}].metadata.{key}", value, "it is no field of a cron trigger")
        for key, value in metadata.items()
        if key not in _CRON_KEYS
    ]
    if replicas > most:
        advice = f"maxReplicaCount is {most}: KEDA never goes above it, and neither does the event"
        remarks.append(found.remark(Standing.DIFFERS, f"triggers[{number}].metadata.desiredReplicas", replicas, advice))
    if is_always(stretches, years):
        return max(least, min(replicas, most)), []
    name = str(written.get("name") or f"cron-{number + 1}")
    zone = zone_of(str(metadata["timezone"]))
    return least, [TimedAsk(name=name, replicas=min(replicas, most), zone=zone, stretches=tuple(stretches))]


def _followed(metadata: Mapping[str, Any], years: Years) -> tuple[int, list[Stretch]]:
    replicas = whole_number(metadata.get("desiredReplicas"))
    if replicas is None:
        raise TriggerError("desiredReplicas", metadata.get("desiredReplicas"), "write a whole number")
    zone = str(metadata.get("timezone") or "")
    start = _schedule(metadata, "start")
    end = _schedule(metadata, "end")
    if str(metadata["start"]).split() == str(metadata["end"]).split():
        raise TriggerError("end", metadata["end"], "start and end must not be the same, KEDA says; write another end")
    if not zone:
        raise TriggerError("timezone", None, "KEDA wants one; write an IANA name such as Europe/Berlin")
    try:
        return replicas, active(start, end, zone, years)
    except ZoneError as error:
        raise TriggerError("timezone", zone or None, str(error)) from error


def _schedule(metadata: Mapping[str, Any], key: str) -> CronSchedule:
    value = metadata.get(key)
    if not value:
        raise TriggerError(key, value, "write a cron schedule, such as `0 8 * * 1-5`")
    try:
        return CronSchedule.parse(str(value))
    except CronError as error:
        raise TriggerError(key, value, str(error)) from error


def _fields(found: FoundObject) -> Iterator[Remark]:
    for key, value in found.spec.items():
        if key in _OTHER_FIELDS:
            standing, advice = _OTHER_FIELDS[key]
            yield found.remark(standing, key, value, advice)
        elif key not in _KNOWN:
            yield found.remark(Standing.NO_EQUAL, key, value, "it is not known here; see whether you need it")


def _pauses(found: FoundObject) -> Iterator[Remark]:
    for key in _PAUSED:
        if key in found.annotations:
            advice = "nothing scales while it is paused, and a floor would be refused; remove the annotation first"
            yield found.remark(Standing.NO_EQUAL, key, found.annotations[key], advice)


def _what_to_do(found: FoundObject, least: int, *, is_whole: bool) -> Iterator[Remark]:
    triggers = entries(found.spec.get("triggers"))
    others = [trigger for trigger in triggers if trigger.get("type") != "cron"]
    first = "" if is_whole else "see to what was left out above; then "
    for trigger in others:
        advice = "it goes on scaling above the floor, inside of the ScaledObject"
        yield found.remark(Standing.STAYS, "triggers", trigger.get("type"), advice)
    if others and len(others) < len(triggers):
        advice = f"{first}remove its cron triggers when the calendar is in use: the events ask for the same"
        yield found.remark(Standing.TO_DO, "triggers", "cron", advice)
    if not others:
        advice = f"{first}delete it when the calendar is in use: two that set the replicas would undo each other"
        yield found.remark(Standing.TO_DO, "", "", advice)
        if least == 0:
            zero = "a policy keeps at least 1 replica; to sleep at 0, keep a trigger that measures demand"
            value = found.spec.get("minReplicaCount", "0 (the default)")
            yield found.remark(Standing.NO_EQUAL, "minReplicaCount", value, zero)
