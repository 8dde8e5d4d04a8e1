"""Services whose mode is to advise, in a world in virtual time: planned, told and kept; the cluster is only read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from springtide.demand.model import DemandSeries
from springtide.errors import PermanentError, TemporaryError
from springtide.events.calendars import Calendars
from springtide.events.rehearsal import LoadLimits
from springtide.events.rehearsed import RehearsalVerdict
from springtide.events.sweep import Inspection, with_floors
from springtide.fleet.conductor import Conductor, conducted
from springtide.fleet.due import Due, due_sweep, prepared
from springtide.fleet.looking import look_at_due
from springtide.fleet.memory import ProcessMemory
from springtide.fleet.orders import decided_orders
from springtide.fleet.rehearsal import ServiceRehearsal, WayBack
from springtide.fleet.rehearsal_request import AcceptedRehearsal
from springtide.fleet.report import FleetReport
from springtide.load.recorder import LoadReport
from springtide.plan.model import PlanOutcome
from springtide.plan.recent import SweepDecision
from springtide.policy.scaling.model import ScalingPolicy
from springtide.record.memory import MemoryStore
from springtide.record.model import RunOutcome
from springtide.run import phases, pipeline
from springtide.run.ports import RunRequest
from springtide.run.release import release_request
from springtide.sandbox.objects import Json
from support.fleet import START, Fleet, FleetRuns
from support.simulation import NAMESPACE
from unit.events.calendars import calendar, calendars_of, occurrence

RATE = {"model": "target_utilization", "per_replica": 100, "target": 0.7}
QUARTER = 900.0


@dataclass
class Requests:
    """Demand of so many pods at 70 requests a second each."""

    pods: float = START

    def read(self, start: Any, end: Any, step: timedelta) -> DemandSeries:
        times = np.arange(start.timestamp(), end.timestamp() + 1, step.total_seconds())
        values = np.full(times.shape, self.pods * 70.0)
        return DemandSeries(times=times, values=values, unit="requests/s", source="a test")


@dataclass
class AdvisedFleet(Fleet):
    """A fleet whose services follow `requests`, and advise but for those that are `acting`."""

    acting: frozenset[str] = frozenset()
    requests: Requests = field(default_factory=Requests)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.demand = lambda _policy: self.requests

    def document(self, name: str) -> Json:
        document = super().document(name)
        document["spec"] |= {
            "mode": "act" if name in self.acting else "advise",
            "demand": {"source": "prometheus", "query": "rps", "unit": "requests/s", "lookback": "1h"},
            "capacity": {"models": [RATE]},
            "guards": {"step_up": "10x"},
        }
        return document

    def conduct(self, due: Due, parent: str = "sweep") -> FleetReport:
        fleet = self.fleet_ports()
        look = look_at_due(fleet, due)
        conductor = Conductor(
            fleet=fleet,
            runs=FleetRuns(self),
            memory=ProcessMemory(),
            decide=lambda wanted: decided_orders(fleet, wanted, look.seen, unseen=look.unseen),
            parent=parent,
        )
        return conducted(conductor, due, lambda _turn: None, pause=self.tick)

    def sweep(self) -> FleetReport:
        return self.conduct(due_sweep(self.fleet_ports()), f"sweep-{self.world.elapsed:.0f}")

    def written(self) -> list[str]:
        """Return every call that is no read, by the API's own record since everything stood."""
        calls = [call for call in self.world.history.calls if call.time >= self.since]
        assert calls, "nobody asked the cluster anything"
        return [f"{call.method} {call.path}" for call in calls if call.method != "GET" or call.write or call.applied]

    def decisions(self, name: str) -> tuple[SweepDecision, ...]:
        return self.store.decisions(name, self.now - timedelta(days=7), self.now)


def no_load(*_arguments: object, **_more: object) -> LoadReport:
    raise AssertionError("load was sent to a service that was not made larger")


def by_hand(fleet: Fleet, name: str, replicas: int | None = None) -> RunRequest:
    return RunRequest(
        run_id="by-hand",
        policy=fleet.policies[name],
        replicas=replicas,
        strategy=None,
        requested_by="ada",
        reason="a test",
    )


@pytest.fixture(params=["in_place", "floor", "beside"])
def fleet(request: pytest.FixtureRequest) -> AdvisedFleet:
    """Return `web` alone, over an HPA by a floor, and beside an HPA that a run would be refused for."""
    fleet = AdvisedFleet({"web": ()}, autoscaled=frozenset({"web"} if request.param != "in_place" else ()))
    if request.param == "beside":
        document = fleet.policies["web"].model_dump(mode="json", by_alias=True, exclude_none=True)
        strategy = document["spec"]["strategy"]
        kept = {key: value for key, value in strategy.items() if key not in {"raise_max", "expires"}}
        document["spec"]["strategy"] = kept | {"type": "in_place"}
        fleet.policies["web"] = ScalingPolicy.model_validate(document)
    return fleet


class TestASweep:
    def test_it_plans_tells_and_keeps_and_writes_nothing(self, fleet: AdvisedFleet) -> None:
        fleet.requests.pods = 6
        report = fleet.sweep()

        assert fleet.written() == []
        assert fleet.runs == {}
        assert report.problems == {}
        assert report.services["web"].startswith("planned only: ")
        (decision,) = fleet.decisions("web")
        assert (decision.advises, decision.observed, decision.ready, decision.answer) == (True, START, START, 6)
        assert report.planned_only == {"web": decision.planned}
        assert report.standing == {"web": START}

    def test_the_next_one_goes_on_from_what_it_would_have_left(self) -> None:
        fleet = AdvisedFleet({"web": ()})
        told = []
        for pods in (6, 6, 3):
            fleet.requests.pods = pods
            told.append(fleet.sweep().services["web"])
            fleet.tick(QUARTER)

        assert told == [
            "planned only: 2 → 6: demand asks for 6",
            "planned only: 6 stay: demand asks for 6",
            "planned only: 6 → 3: released from 6 to 3 of the 3 that demand asks for",
        ]
        assert [(each.before, each.planned) for each in fleet.decisions("web")] == [(2, 6), (6, 6), (6, 3)]
        assert fleet.replicas() == {"web": START}
        assert fleet.written() == []

    def test_after_a_pause_of_more_than_a_day_it_begins_with_what_runs(self) -> None:
        fleet = AdvisedFleet({"web": ()})
        fleet.requests.pods = 6
        fleet.sweep()
        fleet.tick(25 * 3600)

        assert fleet.sweep().services["web"] == "planned only: 2 → 6: demand asks for 6"

    def test_services_that_act_are_scaled_beside_it_and_do_not_wait_for_it(self) -> None:
        fleet = AdvisedFleet({"db": (), "web": ("db",)}, acting=frozenset({"web"}))
        fleet.requests.pods = 4
        report = fleet.sweep()

        assert fleet.replicas() == {"db": START, "web": 4}
        assert report.planned_only == {"db": 4}
        assert not [call for call in fleet.written() if "/db" in call or "springtide-db" in call]
        assert [each.advises for each in fleet.decisions("db") + fleet.decisions("web")] == [True, False]

    def test_its_minimum_is_planned_where_its_plan_is_the_minimum(self) -> None:
        fleet = AdvisedFleet({"web": ()}, autoscaled=frozenset({"web"}))
        fleet.almanac = Calendars()
        document = fleet.policies["web"].model_dump(mode="json", by_alias=True, exclude_none=True)
        document["spec"]["demand"]["lookback"] = "21d"
        document["spec"]["capacity"] = {"models": [{"model": "auto", "per_replica": 100, "autoscaler": "floor"}]}
        fleet.policies["web"] = ScalingPolicy.model_validate(document)
        fleet.requests.pods = 6
        first = fleet.sweep()
        fleet.tick(QUARTER)
        second = fleet.sweep()

        planned = first.planned_only["web"]
        assert planned > START
        assert first.services["web"].startswith(f"planned only: {START} → {planned}: ")
        assert second.services["web"].startswith(f"planned only: {planned} ")
        assert [each.is_floor for each in fleet.decisions("web")] == [True, True]
        assert fleet.written() == []

    def test_a_store_that_does_not_take_the_advice_fails_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_arguments: object, **_more: object) -> None:
            raise TemporaryError("the store does not answer.", code="store_unavailable")

        monkeypatch.setattr(MemoryStore, "save_decisions", away)
        with pytest.raises(TemporaryError, match="does not answer"):
            AdvisedFleet({"web": ()}).sweep()

    def test_for_a_service_that_acts_the_sweep_goes_on_without_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_arguments: object, **_more: object) -> None:
            raise TemporaryError("the store does not answer.", code="store_unavailable")

        fleet = AdvisedFleet({"web": ()}, acting=frozenset({"web"}))
        fleet.requests.pods = 4
        monkeypatch.setattr(MemoryStore, "save_decisions", away)

        assert fleet.sweep().standing == {"web": 4}


class TestAnEvent:
    def test_it_is_planned_and_held_and_given_back_on_paper(self) -> None:
        fleet = AdvisedFleet({"web": ()})
        begin = fleet.now + timedelta(minutes=1)
        event = occurrence("flash", f"{begin:%Y-%m-%dT%H:%M}", web=9)
        fleet.almanac = Calendars()
        prepared_report = fleet.conduct(prepared(fleet.fleet_ports(), (event,)), "prepare")
        fleet.tick(QUARTER)
        held = fleet.sweep()

        assert prepared_report.services["web"].startswith("planned only: 2 → 9: sales.flash")
        assert held.services["web"].startswith("planned only: 9 stay: sales.flash")
        assert fleet.written() == []

    def test_a_rehearsal_sends_it_no_load_and_gives_nothing_back(self) -> None:
        fleet = AdvisedFleet({"web": ()})
        ports = replace(fleet.fleet_ports(), send=no_load)
        event = occurrence("rehearsal-flash", f"{fleet.now:%Y-%m-%dT%H:%M}", web=9)
        due = prepared(ports, (event,))
        seen = look_at_due(ports, due).seen
        report = fleet.conduct(due, "rehearsal")
        memory = ProcessMemory()
        test = ServiceRehearsal(
            fleet=ports,
            rehearsal=AcceptedRehearsal(due=due, event="sales.flash", wanted=LoadLimits()),
            service="web",
            run_id="r1",
            inspection=seen["web"],
            prepared=report,
            memory=memory,
        )
        outcome = test.test()

        assert outcome is not None
        assert outcome.verdict is RehearsalVerdict.NOT_TESTED
        assert outcome.message.startswith("planned only: 2 → 9: ")
        assert outcome.message.endswith("no load: mode advise")
        assert WayBack(ports, memory, lambda: seen)(due) == []
        assert fleet.written() == []


class TestByHand:
    @pytest.mark.parametrize("replicas", [None, 5])
    def test_a_run_ends_as_planned_only(self, fleet: AdvisedFleet, replicas: int | None) -> None:
        fleet.requests.pods = 4
        outcome = pipeline.run(fleet.ports(), by_hand(fleet, "web", replicas))

        kept = fleet.store.get("by-hand")
        assert outcome is kept.outcome is RunOutcome.PLANNED_ONLY
        assert kept.plan is not None
        assert kept.plan["outcome"] == "planned_only"
        assert fleet.written() == []

    def test_nothing_to_do_stays_nothing_to_do(self, fleet: AdvisedFleet) -> None:
        assert pipeline.run(fleet.ports(), by_hand(fleet, "web", START)) is RunOutcome.NOTHING_TO_DO
        assert fleet.written() == []

    def test_what_would_refuse_a_run_is_told_and_refuses_nothing(self, fleet: AdvisedFleet) -> None:
        plan = phases.calculate_capacity(fleet.ports(), by_hand(fleet, "web", 5))

        told = {(finding.check, finding.status.value) for finding in plan.findings}
        assert {("rights", "not_checked"), ("admission", "not_checked")} <= told
        assert "refused" not in {status for _, status in told}
        is_beside = bool(fleet.autoscaled) and fleet.policies["web"].spec.strategy.type == "in_place"
        assert (("autoscaler", "warning") in told) is is_beside

    def test_no_phase_takes_its_plan(self, fleet: AdvisedFleet) -> None:
        request = by_hand(fleet, "web", 5)
        plan = phases.calculate_capacity(fleet.ports(), request)

        assert plan.outcome is PlanOutcome.PLANNED_ONLY
        with pytest.raises(PermanentError, match="mode advise: nothing is written"):
            phases.create_instances(fleet.ports(), request, plan)
        assert fleet.written() == []

    def test_a_plan_from_before_the_mode_was_changed_is_not_carried_out(self) -> None:
        fleet = AdvisedFleet({"web": ()}, acting=frozenset({"web"}))
        plan = phases.calculate_capacity(fleet.ports(), by_hand(fleet, "web", 5))
        fleet.policies = AdvisedFleet({"web": ()}).policies
        before = len([call for call in fleet.world.history.calls if call.applied])

        with pytest.raises(PermanentError, match="mode advise: nothing is written"):
            phases.create_instances(fleet.ports(), by_hand(fleet, "web", 5), plan)
        assert len([call for call in fleet.world.history.calls if call.applied]) == before

    def test_a_run_that_began_before_goes_to_its_end(self) -> None:
        fleet = AdvisedFleet({"web": ()}, acting=frozenset({"web"}))
        fleet.start("begun", "web", 4)
        fleet.policies = AdvisedFleet({"web": ()}).policies
        for _ in range(60):
            fleet.tick()

        assert fleet.runs["begun"].state.value == "succeeded"
        assert fleet.replicas() == {"web": 4}

    def test_a_raised_minimum_is_not_given_back(self) -> None:
        fleet = AdvisedFleet({"web": ()}, autoscaled=frozenset({"web"}), acting=frozenset({"web"}))
        assert pipeline.run(fleet.ports(), by_hand(fleet, "web", 4)) is RunOutcome.SUCCEEDED
        advising = AdvisedFleet({"web": ()}, autoscaled=frozenset({"web"})).policies["web"]
        fleet.since = fleet.world.elapsed
        request = release_request(advising, run_id="back", requested_by="ada", reason="over")

        assert pipeline.run(fleet.ports(), request) is RunOutcome.PLANNED_ONLY
        hpa = fleet.world.get("horizontalpodautoscalers", NAMESPACE, "web")
        assert hpa is not None
        assert hpa["spec"]["minReplicas"] == 4
        assert fleet.written() == []


def test_what_is_only_advised_takes_nothing_of_the_cap_from_what_acts() -> None:
    found = {
        name: Inspection(service=name, current=2, planned=2, expected=2, advises=name == "db", most=50)
        for name in ("db", "web")
    }
    event = occurrence("flash", "2026-11-11T10:00", db=6, web=6)
    capped = calendars_of(calendar(cap={"pods": 6}), now=event.start)

    floors = with_floors(found, [event], capped, noted={}, now=event.start)

    assert {name: inspection.floor for name, inspection in floors.items()} == {"db": 3, "web": 6}
