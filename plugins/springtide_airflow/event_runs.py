"""A run of events or of a sweep as its tasks see it: what is due, what was noted, which runs it started."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from springtide.errors import PermanentError, SpringtideError
from springtide_airflow import child_runs
from springtide_airflow.calendars import known_events, measure
from springtide_airflow.floors import Note, keep_note, notes_of
from springtide_airflow.hook import SpringtideHook
from springtide_airflow.policies import policies_folder, policy_names, policy_of
from springtide_airflow.runs import Record

if TYPE_CHECKING:
    from airflow.sdk import Context

    from springtide.events.almanac import Almanac, Pace
    from springtide.events.occurrences import Occurrence
    from springtide.events.sweep import Facts
    from springtide.events.waves import Order, Started
    from springtide.run.ports import Ports

log = logging.getLogger(__name__)

EVENTS_KEY: Final = "events"
LOOKED_BY: Final = "look_at_service"


@dataclass(frozen=True, slots=True)
class Due:
    """What a run is about: its events, whether it is on paper, and the time that it plans for."""

    events: tuple[Occurrence, ...]
    is_paper: bool
    at: datetime
    owner: str = "calendar"
    reason: str = ""

    def to_record(self) -> Record:
        """Return the stored form: JSON types only."""
        events = [one.to_record() for one in self.events]
        names = {"is_paper": self.is_paper, "owner": self.owner, "reason": self.reason}
        return {"events": events, "at": self.at.isoformat(), **names}

    @classmethod
    def of(cls, context: Context) -> Due:
        """Return what the run's first task found.

        Raises:
            PermanentError: it found nothing: it failed.
        """
        from springtide.events.occurrences import Occurrence

        first = _first(context)
        record = context["ti"].xcom_pull(task_ids=first, key=EVENTS_KEY)
        if record is None:
            raise PermanentError(f"{first} left nothing: clear the run from there on.", code="events_missing")
        events = tuple(map(Occurrence.from_record, record["events"]))
        return cls(**(record | {"events": events, "at": datetime.fromisoformat(record["at"])}))


FIRST: Final = ("find_events", "list_services", "find_event")
UNSEEN: Final = "it could not be looked at, or has no policy: see look_at_service"


def _first(context: Context) -> str:
    return next(task.task_id for task in context["dag"].tasks if task.task_id in FIRST)


def due_events(context: Context, almanac: Almanac, now: datetime, *, is_backfill: bool) -> Due:
    """Return what this run prepares.

    Raises:
        InputError: the event in the run's conf is refused.
        PermanentError: there is no such event (any more): `event_unknown`.
    """
    from springtide.events.ad_hoc import ad_hoc_event

    run = context["dag_run"]
    asked = (run.conf or {}).get("event")
    if asked not in (None, {}):  # the form of Airflow's page makes {} of an empty field
        added = ad_hoc_event(asked)
        one = added.occurrence
        return Due((one,), one.end <= now, run.run_after, added.owner, added.reason)
    start = run.data_interval_end or run.run_after
    events = almanac.starting_at(start)
    if not events:
        raise PermanentError(
            f"no event of the calendars begins or lasts at {start:%Y-%m-%d %H:%M:%S} UTC (any more): nothing is done.",
            code="event_unknown",
            field="data_interval_end",
        )
    is_paper = is_backfill or max(one.end for one in events) <= now
    return Due(events, is_paper, run.data_interval_start or run.run_after)


def services_under_events(due: Due, now: datetime) -> list[str]:
    """Return the services of the run's events and of all others that go on: the cap is for all of them together."""
    events = (*due.events, *known_events(now).almanac.going_on(now))
    known = set(policy_names(policies_folder()))
    return sorted({name for one in events for name in one.asks if name in known})


def begin(
    context: Context, due: Due, now: datetime, shaped: Callable[[Sequence[Order]], list[Order]] = list
) -> tuple[list[Order], Pace]:
    """Return the orders of this run: decided once, at its first turn, and the same at every later one."""
    from springtide.events.sweep import orders_for
    from springtide.events.waves import Order

    memory = context["task_state_store"]
    almanac = known_events(now).almanac
    kept: Any = memory.get("orders")
    if kept is not None:
        return [Order.from_record(one) for one in kept], almanac.pace
    found = with_events(seen_facts(context), due, almanac, now)
    orders = shaped(orders_for(found))
    asked = set(context["ti"].xcom_pull(task_ids=_first(context)) or ())
    missing = (asked | {name for one in due.events for name in one.asks}) - set(found)
    orders += [Order(name, 0, (0,), (), UNSEEN) for name in sorted(missing)]
    memory.set("orders", [one.to_record() for one in orders])
    return orders, almanac.pace


def seen_facts(context: Context) -> dict[str, Facts]:
    """Return what each look of this run found, by service."""
    from springtide.events.sweep import Facts

    # a list of names: with one name alone, Airflow gives a single mapped task's record instead of a list of one
    records = context["ti"].xcom_pull(task_ids=[LOOKED_BY]) or []
    found = [Facts.from_record(record) for record in records if record is not None]
    return {one.service: one for one in found}


def with_events(found: Mapping[str, Facts], due: Due, almanac: Almanac, now: datetime) -> dict[str, Facts]:
    """Return the facts with their floors; what is usual now is noted for the events that begin with this run."""
    from springtide.events.sweep import with_floors

    for one in due.events:
        for service in one.asks:
            if service in found and not found[service].is_owned:
                facts = found[service]
                usual = facts.usual if facts.usual is not None else max(facts.current, facts.least)
                keep_note(service, Note(one, usual, facts.health.demand, due.owner, due.reason), now)
    notes = {name: notes_of(name, now) for name in found}
    noted = {(note.occurrence.id, name): note.usual for name, many in notes.items() for note in many}
    going_on = {one.id: one for one in (*_prepared(almanac, notes, now), *almanac.going_on(now), *due.events)}
    return with_floors(found, going_on.values(), almanac, noted=noted, now=now)


def _prepared(almanac: Almanac, notes: Mapping[str, Sequence[Note]], now: datetime) -> list[Occurrence]:
    """Return the noted events that are not over, as their calendars have them now; one taken out goes."""
    calendars = {view.calendar.name for view in almanac.views}
    present = {one.id: one for one in almanac.occurrences}
    found = {}
    for note in (one for many in notes.values() for one in many):
        one = note.occurrence
        if one.calendar in calendars:
            if one.id not in present:
                continue
            one = present[one.id]
        if now < one.end:
            found[one.id] = one
    return list(found.values())


def child_id(context: Context, service: str, step: int, way: str = "") -> str:
    """Return the name of the run that takes `service` to its step: the same whenever it is asked for."""
    parent = re.sub(r"[^A-Za-z0-9_.~:+-]", "-", context["dag_run"].run_id)[:150]
    return f"{parent}__{service}__{way}{step}"


def late_words(
    context: Context, due: Due, orders: Sequence[Order], started: Sequence[Started], pace: Pace, now: datetime
) -> str | None:
    """Return why the run can no longer make it to the start of its events; None while it can, and once it was told."""
    from springtide.events.leads import lateness

    memory, ahead = context["task_state_store"], [one.start for one in due.events if one.start > now]
    if not ahead or memory.get("late") is not None:
        return None
    measured: Any = memory.get("measured")
    if measured is None:
        measured = _measured_runs({order.service for order in orders if order.steps})
        memory.set("measured", measured)
    words = lateness(orders, started, measured, pace, start=min(ahead), now=now)
    if words is not None:
        memory.set("late", words)
    return words


def _measured_runs(services: set[str]) -> dict[str, list[float]]:
    try:
        return {name: list(runs) for name, runs in measure(services)["runs"].items()}
    except SpringtideError as error:
        log.warning("how long runs take is not known: %s", error.message)
        return {}


def child_conf(order: Order, step: int) -> Record:
    """Return what the run that takes an order's service to its step is asked for."""
    is_back = order.gives_back and step == len(order.steps) - 1
    conf: Record = {"service": order.service, "replicas": "release" if is_back else order.steps[step]}
    if order.until is not None:
        conf["until"] = order.until.isoformat()
    return conf | {"reason": order.reason[:500]}


def started_runs(context: Context, orders: Sequence[Order], way: str = "") -> list[Started]:
    """Return every run that was started, and what has become of it."""
    from springtide.events.waves import RunState, Started

    known: Any = context["task_state_store"].get("started") or {}
    names = {order.service for order in orders}
    at_once = datetime.fromtimestamp(0, UTC)  # the pace is for runs that were started
    unseen = [order.service for order in orders if order.reason == UNSEEN]
    found = [Started(service, 0, at_once, RunState.FAILED, UNSEEN) for service in unseen]
    for key, at in known.items():
        service, _, step = key.rpartition("/")
        if service in names:
            name = child_id(context, service, int(step), way)
            state = child_runs.state(context, name)
            message = _why(name) if state is RunState.FAILED else ""
            found.append(Started(service, int(step), datetime.fromisoformat(at), state, message))
    return found


def _why(run_id: str) -> str:
    """Return why a run failed, in its own words where the store has them."""
    from springtide.record.sql import open_store

    try:
        with open_store(SpringtideHook().store_url()) as store:
            error = store.get(run_id).error
    except SpringtideError:
        error = None
    return f"run {run_id} failed" + (f": {error['message']}" if error else "")


def paper_report(ports: Ports, due: Due) -> Record:
    """Return what the events would have been given, beside what demand did; nothing is written."""
    from springtide.run.paper import rehearse_on_paper

    if not due.events:
        return {"services": {}, "problems": {}}
    known = set(policy_names(policies_folder()))
    names = {name for one in due.events for name in one.asks} & known
    policies = {name: policy_of(name, policies_folder()) for name in names}
    cap = known_events(ports.clock.now()).almanac.cap
    lines = rehearse_on_paper(ports, policies, due.events, at=due.at, cap=cap)
    return {
        "services": {line.service: line.words() for line in lines},
        "problems": {},
        "paper": [line.to_record() for line in lines],
        "events": [one.id for one in due.events],
    }
