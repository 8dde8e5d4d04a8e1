"""The wall screen: every service, those first that need a look, four numbers above them, and what everybody must know.

Whatever cannot be read is told in a banner or in its row: the page comes all the same, and in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any, Final

from springtide.clock import Clock
from springtide.errors import InputError, SpringtideError
from springtide.events.snapshot import CalendarSnapshot
from springtide.overview.coming import Coming
from springtide.overview.marks import Tone
from springtide.overview.records import Records, read_records
from springtide.overview.replicas import ClusterLooks, Looked
from springtide.overview.services import ServiceRow, ServicesInputs, Totals, service_rows, totals_of, with_course
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.reading.remembered import RememberedPolicies
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.store import OpenStore
from springtide.run.halt import Halt
from springtide.run.ports import Ports
from springtide.stored import Stored

PAGE: Final = 50
"""Services on a page unless told otherwise."""

LARGEST_PAGE: Final = 200

COURSE: Final = timedelta(days=1)
"""How much of the past a row draws."""

CALENDARS_FRESH_SECONDS: Final = 10.0
"""How long calendars count as they were read: to expand a year of events takes longer than a page has."""

SWEEP: Final = "adjust_capacity"

_PAUSED: Final = {
    SWEEP: "adjust_capacity is paused: no service follows its demand, and nobody gives back what events asked for.",
    "prepare_events": "prepare_events is paused: no event of the calendars is prepared.",
    "release_floors": "release_floors is paused: raised minimums stay after their time.",
    "reconcile_runs": "reconcile_runs is paused: a run whose process died is not ended.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner(Stored):
    """What everybody must know before they read a row, and what to do about it."""

    text: str
    tone: Tone
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WallQuery:
    """What is asked for: services that hold every word of `search`, and which page of them."""

    search: str = ""
    limit: int = PAGE
    offset: int = 0

    def __post_init__(self) -> None:
        for field, number, least, most in (("limit", self.limit, 1, LARGEST_PAGE), ("cursor", self.offset, 0, 100_000)):
            if not least <= number <= most:
                message = f"{field} is {number}; allowed: {least} to {most}."
                raise InputError(message, code="limit_invalid", field=field)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What is shown. `matching` services match, of which `rows` are a page; at `following` the next one begins."""

    rows: tuple[ServiceRow, ...]
    totals: Totals
    banners: tuple[Banner, ...]
    matching: int
    following: int | None
    left_out: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return the JSON form of a list."""
        return {
            "items": [row.to_record() for row in self.rows],
            "next": None if self.following is None else str(self.following),
            "left_out": list(self.left_out),
            "matching": self.matching,
            "totals": self.totals.to_record(),
            "banners": [banner.to_record() for banner in self.banners],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WallPorts:
    """What the screen reaches the world through. `paused_dags` are Airflow's DAGs that are paused.

    `halt` is what the installation's own switch says, None where nobody pulled it.
    """

    clock: Clock
    policies: Callable[[], PolicyFolder]
    calendars: Callable[[], CalendarSnapshot]
    open_store: OpenStore
    open_ports: Callable[[ScalingPolicy], AbstractContextManager[Ports]]
    paused_dags: Callable[[], frozenset[str]]
    halt: Halt | None = None


class WallReader:
    """Reads the screen, for many who look at it at one time."""

    def __init__(self, ports: WallPorts) -> None:
        self._ports = ports
        self._looks = ClusterLooks(ports.clock)
        self._policies = RememberedPolicies()
        self._lock = Lock()
        self._calendars: tuple[float, CalendarSnapshot] | None = None

    def policies(self) -> Mapping[str, ScalingPolicy | SpringtideError]:
        """Return every policy, read when it has changed; an error in the place of one that cannot be read.

        Raises:
            PolicyError: the folder cannot be read.
        """
        return self._policies.all(self._ports.policies())

    def policy(self, service: str) -> ScalingPolicy:
        """Return the policy of `service`.

        Raises:
            InputError: there is none (`service_unknown`).
            PolicyError: it has errors, or the folder cannot be read.
        """
        found = self._policies.one(self._ports.policies(), service)
        if found is None:
            # No list of the others: whoever may not see them would learn their names.
            message = f"service: there is no policy {service[:80]!r}. Look for it on the page Services."
            raise InputError(message, code="service_unknown", field="service")
        if isinstance(found, SpringtideError):
            raise found
        return found

    def calendars(self) -> CalendarSnapshot:
        """Return the calendars as they were within the last seconds."""
        with self._lock:
            now = self._ports.clock.monotonic()
            if self._calendars is None or not 0 <= now - self._calendars[0] < CALENDARS_FRESH_SECONDS:
                self._calendars = (now, self._ports.calendars())
            return self._calendars[1]

    def inputs(self, services: Sequence[str] | None = None) -> tuple[ServicesInputs, Looked, CalendarSnapshot]:
        """Return what rows are made of, of all services or of those that are named.

        Raises:
            PolicyError: the folder of policies cannot be read.
        """
        now = self._ports.clock.now()
        known = self.policies()
        policies = known if services is None else {name: known[name] for name in services if name in known}
        readable = [policy for policy in policies.values() if isinstance(policy, ScalingPolicy)]
        snapshot = self.calendars()
        looked = self._looks.look(readable, self._ports.open_ports)
        inputs = ServicesInputs(
            policies=policies,
            records=read_records(self._ports.open_store, list(policies), now=now),
            seen=looked.services,
            coming=Coming(snapshot.calendars, now),
            now=now,
            pod_hour=snapshot.calendars.pod_hour,
        )
        return inputs, looked, snapshot

    def read(self, query: WallQuery) -> Wall:
        """Return the screen.

        Raises:
            PolicyError: the folder of policies cannot be read.
        """
        inputs, looked, snapshot = self.inputs()
        rows = service_rows(inputs)
        matching = [row for row in rows if _matches(row, query.search)]
        shown = matching[query.offset : query.offset + query.limit]
        following = query.offset + query.limit
        return Wall(
            rows=self._with_courses(shown, inputs),
            totals=totals_of(rows, inputs),
            banners=tuple(self._banners(inputs.records, looked, snapshot)),
            matching=len(matching),
            following=following if following < len(matching) else None,
            left_out=tuple(f"{row.service}: {row.problem}" for row in rows if row.problem),
        )

    def _with_courses(self, rows: Sequence[ServiceRow], inputs: ServicesInputs) -> tuple[ServiceRow, ...]:
        names = [row.service for row in rows]
        try:
            with self._ports.open_store() as store:
                courses = store.courses(names, inputs.now - COURSE, inputs.now)
        except SpringtideError:
            return tuple(rows)  # the banner says that the store is away
        return with_course(rows, courses, inputs)

    def _banners(self, records: Records, looked: Looked, snapshot: CalendarSnapshot) -> Iterator[Banner]:
        yield from _halts(self._ports.halt, looked)
        yield from _of_store(records)
        paused = self._ports.paused_dags()
        for dag, text in _PAUSED.items():
            if dag in paused:
                yield Banner(text=text, tone=Tone.WARN, cure="Turn the DAG on in Airflow.")
        if snapshot.problem:
            yield Banner(
                text=snapshot.problem, tone=Tone.BAD, cure="Correct the file; `springtide validate` checks it."
            )


def _halts(installation: Halt | None, looked: Looked) -> Iterator[Banner]:
    found = {halt.banner: None for halt in (installation, *looked.halts.values()) if halt is not None}
    for banner in found:
        yield Banner(text=banner, tone=Tone.BAD, cure="`springtide resume` takes back a ConfigMap's.")


def _of_store(records: Records) -> Iterator[Banner]:
    if records.unknown:
        cure = "Runs, decisions and events are not shown until it answers."
        yield Banner(text=f"The store of runs is away: {records.unknown}", tone=Tone.BAD, cure=cure)
    elif records.place != "postgresql":
        yield Banner(
            text=f"Runs are kept in {_places(records.place)} of this machine: workers elsewhere do not see them.",
            tone=Tone.INFO,
            cure="Add the connection springtide_store, with PostgreSQL behind it.",
        )


def _places(place: str) -> str:
    return "an SQLite file on a disk" if place == "sqlite" else "the memory"


def _matches(row: ServiceRow, search: str) -> bool:
    words = (row.service, row.owner, row.namespace, row.cluster, row.strategy, *(badge.text for badge in row.badges))
    text = " ".join(words).lower()
    return all(word in text for word in search.lower().split())
