"""springtide over the shop's world: what its conductors and its runs reach it through."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.saleday.conduct import TURN, Schedule
from benchmarks.saleday.runs import DayRuns
from benchmarks.saleday.shop import Recorded, WorldRoute, write_calendar, write_policies
from benchmarks.saleday.together import Together
from springtide.fleet.calendars import CalendarFolder
from springtide.fleet.ports import FleetPorts
from springtide.kube.live import LiveKube
from springtide.policy.reading.folder import PolicyFolder
from springtide.record.memory import MemoryStore
from springtide.run.ports import Ports
from springtide.sandbox import transport

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.saleday.day import Day
    from springtide.clock import Clock
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.sandbox.world import World


@dataclass(frozen=True)
class ShopPolicies:
    """The policies of the shop by name."""

    by_name: dict[str, ScalingPolicy]

    def names(self) -> list[str]:
        """Return the services."""
        return sorted(self.by_name)

    def get(self, name: str) -> ScalingPolicy:
        """Return the policy of one."""
        return self.by_name[name]


@dataclass
class Pipeline:
    """The pipeline over one world: its policies and calendars lie in `folder`. `shape` is how the sales are held."""

    world: World
    day: Day
    folder: Path
    shape: str
    store: MemoryStore = field(default_factory=MemoryStore)
    policies: dict[str, ScalingPolicy] = field(init=False)
    calendars: CalendarFolder = field(init=False)
    together: Together = field(init=False)
    runs: DayRuns = field(init=False)

    def __post_init__(self) -> None:
        """Write and read policies and calendars."""
        for name in ("policies", "calendars"):
            (self.folder / name).mkdir()
        write_policies(self.folder / "policies", self.day)
        write_calendar(self.folder / "calendars", self.day, shape=self.shape)
        self.policies = PolicyFolder(self.folder / "policies").all()
        self.calendars = CalendarFolder(
            folder=self.folder / "calendars",
            memory_file=self.folder / "known.json",
            policies=ShopPolicies(self.policies),
            open_store=lambda: nullcontext(self.store),
        )
        known = self.calendars.known(self.world.now())
        known.raise_if_broken()
        self._almanac = known.calendars
        self._schedule = Schedule(self)
        self.together = Together(self.world)
        self.runs = DayRuns(self.world, self.together, self.ports)

    def advance(self, seconds: float, *, is_scheduled: bool = True) -> None:
        """Let time pass in turns; with `is_scheduled`, whatever is due begins and goes on."""
        end = self.world.elapsed + seconds
        while self.world.elapsed < end - 1e-6:
            self.together.advance(min(end, (self.world.elapsed // TURN + 1) * TURN))
            if is_scheduled:
                self._schedule.take_turns()

    def fleet(self, clock: Clock | None = None) -> FleetPorts:
        """Return what a conductor reaches the world through."""
        clock = clock or self.world.clock
        return FleetPorts(
            clock=clock,
            calendars=lambda: self._almanac,
            policies=ShopPolicies(self.policies),
            open_ports=lambda: nullcontext(self.ports(clock)),
            open_store=lambda: nullcontext(self.store),
        )

    def ports(self, clock: Clock) -> Ports:
        """Return the ports of a new process."""
        from kubernetes.client import ApiClient, Configuration

        settings = Configuration(host="http://sandbox.invalid")
        settings.retries = False
        client = ApiClient(settings)
        transport.install(client, self.world)
        kube = LiveKube(client, clock=clock)
        return Ports(
            kube=kube,
            clock=clock,
            route=WorldRoute(self.world),
            store=self.store,
            demand=lambda policy: Recorded(self.day, policy.name),
            policy_of=self.policies.__getitem__,
        )
