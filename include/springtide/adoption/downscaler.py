"""What kube-downscaler's annotations ask for: the replicas of the uptime, and what is left in the downtime.

    uptime and not downtime           the ordinary logic; always and never are its defaults
    upscale-period, downscale-period  with either of them: up or down from then on, and nothing at other times
    force-uptime, force-downtime      on a Namespace, before both

An annotation of the object counts before that of its Namespace, and that before the downscaler's own settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from springtide.adoption.asks import AskingObject, Reading, TimedAsk, Years, ZoneError, is_always
from springtide.adoption.found import WORKLOADS, FoundObject, FoundObjects, moment_of, scaled_by, whole_number
from springtide.adoption.remarks import Remark, Standing
from springtide.adoption.spans import Stretch, lies_in, united, within, without
from springtide.adoption.time_specs import TimeSpec, TimeSpecError, zones_of

PREFIX: Final = "downscaler/"
_SCHEDULES: Final = ("uptime", "downtime", "upscale-period", "downscale-period")
_FORCED: Final = ("force-uptime", "force-downtime")
_KNOWN: Final = frozenset({
    *_SCHEDULES, *_FORCED, "exclude", "exclude-until", "downtime-replicas", "original-replicas",
})  # fmt: skip
_MEANINGFUL: Final = frozenset({*_SCHEDULES, "downtime-replicas"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DownscalerDefaults:
    """What the downscaler itself was started with, which stands in no object."""

    zone: ZoneInfo
    uptime: str = ""
    downtime: str = ""
    downtime_replicas: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Annotated:
    """An object and what counts for it, its own annotations before those of its Namespace."""

    found: FoundObject
    own: Mapping[str, str]
    around: Mapping[str, str]
    defaults: DownscalerDefaults

    def text(self, key: str, default: str = "") -> str:
        return self.own.get(key, self.around.get(key, default)).strip()

    def spec(self, key: str, default: str) -> TimeSpec:
        text = self.text(key, default)
        try:
            return TimeSpec.parse(text, default_zone=self.defaults.zone)
        except (TimeSpecError, ZoneError) as error:
            raise AnnotationError(key, text, str(error)) from error


class AnnotationError(ValueError):
    """An annotation cannot be followed: which, its value, and what to do."""

    def __init__(self, key: str, value: str, advice: str) -> None:
        super().__init__(advice)
        self.key = key
        self.value = value
        self.advice = advice


def read_downscaler(objects: FoundObjects, defaults: DownscalerDefaults, years: Years, reading: Reading) -> None:
    """Add what the annotations of workloads, HPAs and their Namespaces ask for to `reading`."""
    for found in objects.of_kind(*WORKLOADS, "HorizontalPodAutoscaler"):
        namespace = objects.namespace(found.namespace)
        own = _of(found)
        around = _of(namespace) if namespace is not None else {}
        # The downscaler looks at HPAs on request only, so one that says nothing itself is none of its objects.
        if own if found.kind == "HorizontalPodAutoscaler" else _is_meant(own, around, defaults):
            annotated = _Annotated(found=found, own=own, around=around, defaults=defaults)
            reading.remarks += _unknown(annotated)
            _read(annotated, years, reading)
    for found in objects.by_title.values():
        if found.kind not in _HANDLED and any(key in _MEANINGFUL for key in _of(found)):
            advice = "springtide holds minimums and replicas of services; leave this object to kube-downscaler"
            reading.remarks.append(found.remark(Standing.NO_EQUAL, "annotations", _listed(_of(found)), advice))


_HANDLED: Final = frozenset({*WORKLOADS, "HorizontalPodAutoscaler", "Namespace"})


def _of(found: FoundObject) -> dict[str, str]:
    return {key.removeprefix(PREFIX): text for key, text in found.annotations.items() if key.startswith(PREFIX)}


def _listed(annotations: Mapping[str, str]) -> str:
    return ", ".join(f"{PREFIX}{key}: {value}" for key, value in sorted(annotations.items()))


def _is_meant(own: Mapping[str, str], around: Mapping[str, str], defaults: DownscalerDefaults) -> bool:
    keys = own.keys() | around.keys()
    return bool(keys & (_MEANINGFUL | set(_FORCED) | {"exclude-until"})) or bool(defaults.uptime or defaults.downtime)


def _read(annotated: _Annotated, years: Years, reading: Reading) -> None:
    found = annotated.found
    excluded = annotated.own.get("exclude") or annotated.around.get("exclude") or "false"
    if excluded.lower() != "false":
        advice = "kube-downscaler leaves it alone, and so does the calendar"
        reading.remarks.append(found.remark(Standing.STAYS, f"{PREFIX}exclude", excluded, advice))
        return
    try:
        reading.asking.append(_asking(annotated, years))
    except AnnotationError as error:
        advice = f"{error.advice}; nothing was written for this object"
        reading.remarks.append(found.remark(Standing.NO_EQUAL, f"{PREFIX}{error.key}", error.value, advice))


def _asking(annotated: _Annotated, years: Years) -> AskingObject:
    found = annotated.found
    is_hpa = found.kind == "HorizontalPodAutoscaler"
    workload = scaled_by(found) if is_hpa else found.workload
    if workload is None:
        raise AnnotationError("uptime", annotated.text("uptime"), "what this HPA scales is nothing springtide scales")
    up, down = _replicas(annotated, is_hpa=is_hpa)
    specs, stretches = _up(annotated, years)
    remarks = list(_remarks(annotated, down=down))
    asks = tuple(_asks(specs, stretches, up, annotated, years)) if not is_always(stretches, years) else ()
    least = up if is_always(stretches, years) else min(up, down)
    maximum = whole_number(found.spec.get("maxReplicas")) if is_hpa else None
    return AskingObject(
        title=found.title,
        workload=workload,
        least=least,
        most=maximum or max(up, down),
        asks=asks if up > least else (),
        floor=found.title if is_hpa else None,
        covers=(found.title,) if is_hpa else (),
        remarks=tuple(remarks),
    )


def _replicas(annotated: _Annotated, *, is_hpa: bool) -> tuple[int, int]:
    """Return the replicas of the uptime and of the downtime."""
    text = annotated.text("downtime-replicas", str(annotated.defaults.downtime_replicas))
    down = whole_number(text)
    if down is None:
        raise AnnotationError("downtime-replicas", text, "write a whole number")
    stored = annotated.own.get("original-replicas", "0")
    original = whole_number(stored)
    if original is None:
        raise AnnotationError("original-replicas", stored, "write a whole number")
    found = annotated.found
    present = (whole_number(found.spec.get("minReplicas", 1)) or 1) if is_hpa else found.replicas
    up = original or present
    return up, min(up, down)


def _up(annotated: _Annotated, years: Years) -> tuple[list[TimeSpec], list[Stretch]]:
    """Return the specifications that decide, and when the object is up by them."""
    upscale = annotated.spec("upscale-period", "never")
    downscale = annotated.spec("downscale-period", "never")
    if _is_period(annotated):
        specs = [upscale, downscale]
        stretches = _by_periods(annotated, years, *(spec.stretches(years) for spec in specs))
    else:
        uptime = annotated.spec("uptime", annotated.defaults.uptime or "always")
        downtime = annotated.spec("downtime", annotated.defaults.downtime or "never")
        specs = [uptime, downtime]
        stretches = without(uptime.stretches(years), downtime.stretches(years))
    forced_down = _forced(annotated, "force-downtime")
    forced_up = _forced(annotated, "force-uptime")
    stretches = without(stretches, forced_down.stretches(years))
    stretches = united([*stretches, *forced_up.stretches(years), *_excluded(annotated, years)])
    return [*specs, forced_down, forced_up], stretches


def _is_period(annotated: _Annotated) -> bool:
    return any(annotated.text(key, "never") != "never" for key in ("upscale-period", "downscale-period"))


def _by_periods(annotated: _Annotated, years: Years, upscale: list[Stretch], downscale: list[Stretch]) -> list[Stretch]:
    """Return when it is up, where each period sets it and nothing happens between them."""
    if not downscale:
        return [(upscale[0][0], years.edges[1])] if upscale else []
    if not upscale:
        text = annotated.text("downscale-period")
        raise AnnotationError(
            "downscale-period", text, "nothing scales it up again but a person; add an upscale-period, or an uptime"
        )
    changes = [(start, True) for start, _ in without(upscale, downscale)]
    changes += [(start, False) for start, _ in without(downscale, upscale)]
    stretches: list[Stretch] = []
    begun = None
    for moment, is_up in sorted(changes):
        if is_up and begun is None:
            begun = moment
        elif not is_up and begun is not None:
            stretches.append((begun, moment))
            begun = None
    return stretches if begun is None else [*stretches, (begun, years.edges[1])]


def _forced(annotated: _Annotated, key: str) -> TimeSpec:
    """Return what a Namespace forces; `true` and `false` are always and never."""
    text = annotated.around.get(key, "false").strip().lower()
    if text in {"true", "false", ""}:
        return TimeSpec(always=text == "true")
    whole = _Annotated(found=annotated.found, own={}, around=annotated.around, defaults=annotated.defaults)
    return whole.spec(key, "never")


def _excluded(annotated: _Annotated, years: Years) -> list[Stretch]:
    """Return the time in which it is left as it is, which is up, for it is not in the downtime now."""
    text = annotated.own.get("exclude-until") or annotated.around.get("exclude-until")
    if not text:
        return []
    until = moment_of(text)
    if until is None:
        raise AnnotationError("exclude-until", text, "write a time such as 2026-04-05T00:00:00Z")
    return within([(years.now, until)], *years.edges)


def _asks(
    specs: list[TimeSpec], stretches: list[Stretch], up: int, annotated: _Annotated, years: Years
) -> Iterator[TimedAsk]:
    zones = zones_of(specs, annotated.defaults.zone)
    by_zone = {zone: list(stretches) for zone in zones[:1]}
    if len(zones) > 1:  # hours of several zones move against each other: each in its own, as far as they are up
        for zone in zones:
            hours = [each for spec in specs for each in spec.weekly if each.zone == zone]
            wanted = united(stretch for each in hours for stretch in each.stretches(*years.followed))
            by_zone[zone] = [each for each in wanted if lies_in(each, stretches)]
        rest = without(stretches, (each for found in by_zone.values() for each in found))
        by_zone[zones[0]] += rest
    for zone, found in by_zone.items():
        if found:
            yield TimedAsk(name="uptime", replicas=up, zone=zone, stretches=tuple(united(found)))


def _unknown(annotated: _Annotated) -> Iterator[Remark]:
    for key, value in annotated.own.items():
        if key not in _KNOWN:
            advice = "it is not known here; see what it does before you remove kube-downscaler"
            yield annotated.found.remark(Standing.NO_EQUAL, f"{PREFIX}{key}", value, advice)
        elif key in _FORCED:
            advice = "kube-downscaler looks for it on Namespaces and pods, not here"
            yield annotated.found.remark(Standing.NO_EQUAL, f"{PREFIX}{key}", value, advice)


def _remarks(annotated: _Annotated, *, down: int) -> Iterator[Remark]:
    found = annotated.found
    if down == 0:
        text = annotated.text("downtime-replicas", "0 (the default)")
        advice = "a policy keeps at least 1 replica; keep kube-downscaler for what may sleep at 0"
        yield found.remark(Standing.NO_EQUAL, f"{PREFIX}downtime-replicas", text, advice)
    for key in _SCHEDULES:
        if annotated.spec(key, "never").assumes_zone:
            zone = annotated.defaults.zone.key
            advice = f"hours without a zone go by the clocks of the downscaler; {zone} was taken: see --timezone"
            yield found.remark(Standing.DIFFERS, f"{PREFIX}{key}", annotated.text(key), advice)
    yield from _who_takes_over(annotated)


def _who_takes_over(annotated: _Annotated) -> Iterator[Remark]:
    found = annotated.found
    advice = "remove its downscaler annotations, or set downscaler/exclude, when the calendar is in use"
    yield found.remark(Standing.TO_DO, "annotations", _listed(annotated.own or annotated.around), advice)
    if found.kind == "HorizontalPodAutoscaler":
        advice = "set it to what the downtime keeps when the calendar is in use: the event raises it"
        yield found.remark(Standing.TO_DO, "minReplicas", found.spec.get("minReplicas", 1), advice)
