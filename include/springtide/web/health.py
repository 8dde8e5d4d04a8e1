"""The parts that springtide needs, each looked at by itself: one that fails takes no other with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from springtide.errors import PolicyError, SpringtideError
from springtide.settings import variable_name
from springtide.web.ports import Permission, Surroundings

Light = Literal["green", "amber", "red", "unknown"]
_WORST_FIRST: Final[tuple[Light, ...]] = ("red", "unknown", "amber", "green")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPart:
    """One part: `sentence` says how it stands, `cure` what to do, "" where nothing is to be done."""

    name: str
    light: Light
    sentence: str
    cure: str = ""

    def to_record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def parts(surroundings: Surroundings) -> tuple[HealthPart, ...]:
    """Return how every part stands."""
    looks: tuple[tuple[str, Callable[[Surroundings], HealthPart]], ...] = (
        ("scheduler", _scheduler),
        ("triggerer", _triggerer),
        ("dag_processor", _dag_processor),
        ("dags", _dags),
        ("store", _store),
        ("policies", _policies),
        ("calendars", _calendars),
        ("halt", _halt),
    )
    return tuple(_looked(name, look, surroundings) for name, look in looks)


def worst(found: tuple[HealthPart, ...]) -> Light:
    """Return the light of the whole."""
    return min((each.light for each in found), key=_WORST_FIRST.index)


def _looked(name: str, look: Callable[[Surroundings], HealthPart], surroundings: Surroundings) -> HealthPart:
    try:
        return look(surroundings)
    except SpringtideError as error:
        return HealthPart(name=name, light="red", sentence=error.message, cure="see the message")
    except Exception:
        log.exception("the part %s could not be looked at", name)
        return HealthPart(
            name=name,
            light="unknown",
            sentence="it could not be looked at.",
            cure="the log of Airflow's API server says why",
        )


def _scheduler(surroundings: Surroundings) -> HealthPart:
    is_alive = surroundings.starts.health().scheduler
    return _alive("scheduler", is_alive=is_alive, otherwise="no DAG run is begun")


def _triggerer(surroundings: Surroundings) -> HealthPart:
    return _alive(
        "triggerer",
        is_alive=surroundings.starts.health().triggerer,
        otherwise="every run stands still at its first wait",
    )


def _dag_processor(surroundings: Surroundings) -> HealthPart:
    return _alive(
        "dag_processor", is_alive=surroundings.starts.health().dag_processor, otherwise="changed DAGs are not seen"
    )


def _alive(name: str, *, is_alive: bool | None, otherwise: str) -> HealthPart:
    if is_alive:
        return HealthPart(name=name, light="green", sentence="it is alive.")
    sentence = f"{'there is none' if is_alive is None else 'it is not alive'}: {otherwise}."
    return HealthPart(name=name, light="red", sentence=sentence, cure=f"start airflow {name.replace('_', '-')}")


def _dags(surroundings: Surroundings) -> HealthPart:
    paused = sorted(surroundings.starts.paused() & _NEEDED)
    if paused:
        sentence = f"paused: {', '.join(paused)}."
        return HealthPart(name="dags", light="amber", sentence=sentence, cure="turn them on in Airflow's pages")
    return HealthPart(name="dags", light="green", sentence="none that springtide needs is paused.")


_NEEDED: Final = frozenset(
    {permission.value for permission in Permission} | {"reconcile_runs", "release_floors", "adjust_capacity"}
)


def _store(surroundings: Surroundings) -> HealthPart:
    with surroundings.open_store() as store:
        store.latest(limit=1)
    return HealthPart(name="store", light="green", sentence="it answers.")


def _policies(surroundings: Surroundings) -> HealthPart:
    policies, violations = surroundings.policies().readable()
    if violations:
        files = sorted({each.file for each in violations})
        sentence = f"{len(policies)} can be read, {len(files)} cannot: {violations[0]}"
        return HealthPart(name="policies", light="red", sentence=sentence, cure="springtide validate")
    if not policies:
        return HealthPart(name="policies", light="amber", sentence="there are none.", cure="springtide init NAMESPACE")
    return HealthPart(name="policies", light="green", sentence=f"{len(policies)} can be read.")


def _calendars(surroundings: Surroundings) -> HealthPart:
    snapshot = surroundings.calendars()
    if snapshot.violations:
        sentence = str(PolicyError(snapshot.violations[:1]))
        cure = "correct the file; until then its events count as they were read last"
        return HealthPart(name="calendars", light="red", sentence=sentence, cure=cure)
    return HealthPart(name="calendars", light="green", sentence=f"{len(snapshot.views)} can be read.")


def _halt(surroundings: Surroundings) -> HealthPart:
    words = surroundings.settings.halt
    if words:
        return HealthPart(
            name="halt", light="red", sentence=f"all writes are halted: {words}.", cure=f"unset {variable_name('halt')}"
        )
    return HealthPart(name="halt", light="green", sentence="nobody has halted writes by the environment.")
