"""Looks at many services: in chunks, by lists, and an error stays with its own service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from springtide.errors import ClusterUnavailable, InputError
from springtide.events.notes import EventNote
from springtide.fleet.chunks import LookBounds, chunks_of, title_of
from springtide.fleet.look_record import LookRecord
from springtide.fleet.looking import WITHIN, look_at
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.assembly import Metrics, demand_of
from springtide.run.ports import Ports
from springtide.settings import Settings
from support.builders import policy_text
from support.fleet import START, Fleet
from support.two_clusters import ALPHA, SECOND, TwoClusters
from unit.demand.many_queries import Many, Said
from unit.demand.prometheus_server import serve


@dataclass
class Places:
    """Policies of three namespaces, and one that cannot be read."""

    folder: Path
    places: dict[str, str] = field(default_factory=lambda: {"a": "two", "b": "one", "c": "two", "d": "one"})

    def __post_init__(self) -> None:
        for name, namespace in self.places.items():
            target = {"namespace": namespace, "deployment": name, "service": name}
            self.folder.joinpath(f"{name}.yaml").write_text(policy_text(name, target=target))
        self.folder.joinpath("broken.yaml").write_text("kind: [")


class TestChunks:
    def test_services_of_one_namespace_stand_together_and_what_cannot_be_read_comes_last(self, tmp_path: Path) -> None:
        Places(tmp_path)

        chunks = chunks_of(PolicyFolder(tmp_path), ["a", "b", "broken", "c", "d"], 2)

        assert chunks == [["b", "d"], ["a", "c"], ["broken"]]

    def test_no_service_is_no_chunk(self, tmp_path: Path) -> None:
        assert chunks_of(PolicyFolder(tmp_path), [], 250) == []

    def test_a_chunk_is_called_by_its_first_service(self) -> None:
        assert [title_of([]), title_of(["web"]), title_of(["web", "db", "x"])] == ["none", "web", "web and 2 more"]

    @pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "1001"])
    def test_a_size_that_is_none_is_refused_by_its_variable(self, text: str) -> None:
        with pytest.raises(InputError, match=r"SPRINGTIDE_LOOK_CHUNK.*from 1 to 1000"):
            LookBounds.of(Settings.from_environment({"SPRINGTIDE_LOOK_CHUNK": text}))


class TestALook:
    def test_of_many_services_lists_each_kind_once(self) -> None:
        fleet = Fleet(dict.fromkeys(("web", "db", "api"), ()))
        before = len(fleet.world.history.calls)

        look = look_at(fleet.fleet_ports(OfFleet(fleet)), ["web", "db", "api"])

        asked = Counter(call.path for call in fleet.world.history.calls[before:])
        assert sorted(look.seen) == ["api", "db", "web"]
        assert not look.unseen
        assert {count for path, count in asked.items() if "/namespaces/shop/" in path} == {1}

    def test_of_many_services_reads_their_notes_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fleet = Fleet(dict.fromkeys(("web", "db", "api"), ()))
        asked: list[set[str]] = []
        really = fleet.store.notes

        def notes(services: Collection[str], *, now: datetime) -> Mapping[str, tuple[EventNote, ...]]:
            asked.append(set(services))
            return really(services, now=now)

        monkeypatch.setattr(fleet.store, "notes", notes)
        look_at(fleet.fleet_ports(OfFleet(fleet)), ["web", "db", "api"])

        assert asked == [{"web", "db", "api"}]

    def test_keeps_the_error_of_one_policy_with_its_service(self) -> None:
        fleet = Fleet({"web": (), "db": ()})

        look = look_at(fleet.fleet_ports(OfFleet(fleet, broken="db")), ["web", "db"]).record()

        assert (list(look.seen), list(look.unseen)) == (["web"], ["db"])
        assert look.lines()[0].startswith("db: not seen: ")

    def test_that_meets_a_fault_of_its_own_fails_alone(self) -> None:
        fleet = Fleet({"web": (), "db": ()})

        def asked(policy: ScalingPolicy) -> None:
            if policy.name == "db":
                raise KeyError("selector")

        ports = fleet.fleet_ports(OfFleet(fleet))
        look = look_at(
            replace(ports, open_ports=lambda: nullcontext(replace(fleet.ports(), demand=asked))), ["web", "db"]
        )

        assert (list(look.seen), list(look.unseen)) == (["web"], ["db"])
        assert look.unseen["db"].code == "internal_error"

    def test_that_is_not_begun_in_time_says_so(self) -> None:
        fleet = Fleet(dict.fromkeys(("web", "db", "api"), ()))
        ports = fleet.fleet_ports(OfFleet(fleet))
        slow = Slow(fleet, WITHIN / 2 + timedelta(seconds=1))

        look = look_at(replace(ports, open_ports=slow.open), ["web", "db", "api"])

        assert list(look.seen) == ["web", "db"]
        assert look.unseen["api"].message.startswith("api: it was not its turn within 0:10:00")

    def test_of_one_service_alone_lists_nobody_elses_pods(self) -> None:
        fleet = Fleet({"web": (), "db": ()})
        before = len(fleet.world.history.calls)

        look_at(fleet.fleet_ports(OfFleet(fleet)), ["web"])

        asked = {call.path.rpartition("/shop/")[2] for call in fleet.world.history.calls[before:]}
        assert {"services/web", "deployments/web"} <= asked

    def test_tries_the_whole_preflight_of_no_service(self) -> None:
        fleet = Fleet({"web": (), "db": ()})
        grown = OfFleet(fleet, replicas=5)
        before = len(fleet.world.history.calls)

        look = look_at(fleet.fleet_ports(grown), ["web", "db"])

        assert {each.planned for each in look.seen.values()} == {5}
        assert {call.method for call in fleet.world.history.calls[before:]} == {"GET"}

    def test_goes_on_with_the_cluster_that_answers(self) -> None:
        both = TwoClusters(away={ALPHA}, strategy="in_place")

        look = look_at(both.fleet(), [ALPHA, SECOND])

        assert (list(look.seen), list(look.unseen)) == ([SECOND], [ALPHA])
        assert isinstance(look.unseen[ALPHA], ClusterUnavailable)

    def test_asks_again_what_did_not_answer(self) -> None:
        both = TwoClusters(away={ALPHA}, strategy="in_place")
        fleet = both.fleet()
        began = fleet.clock.monotonic()

        look_at(fleet, [ALPHA, SECOND], tries=3)

        assert fleet.clock.monotonic() - began >= 20

    def test_is_worth_another_try_where_nothing_answered(self) -> None:
        both = TwoClusters(away={ALPHA, SECOND}, strategy="in_place")

        with pytest.raises(ClusterUnavailable):
            look_at(both.fleet(), [ALPHA, SECOND])

    def test_side_by_side_finds_what_one_after_the_other_does(self) -> None:
        fleet = Fleet(dict.fromkeys(("web", "db", "api"), ()))
        ports = fleet.fleet_ports(OfFleet(fleet))

        found = [look_at(ports, ["web", "db", "api"], at_once=number).record() for number in (1, 3)]

        assert found[0].seen.keys() == found[1].seen.keys()
        assert {each.current for look in found for each in look.seen.values()} == {2}

    def test_is_left_for_the_tasks_that_follow_as_it_is(self) -> None:
        fleet = Fleet({"web": (), "db": ()})
        look = look_at(fleet.fleet_ports(OfFleet(fleet, broken="db")), ["web", "db"]).record()

        assert LookRecord.from_record(look.to_record()) == replace(look, seen=dict(look.seen))


class TestDemandOfMany:
    NAMES = tuple(f"service-{number:02d}" for number in range(16))

    def look(self, url: str, kept: Path, together: int) -> LookRecord:
        """Return what a look finds of services whose demand this Prometheus knows."""
        fleet = Fleet(dict.fromkeys(self.NAMES, ()))
        metrics = Metrics(url=url, kept=kept)
        ports = replace(fleet.ports(), demand=lambda policy: demand_of(policy, metrics))
        measured = replace(fleet.fleet_ports(OfFleet(fleet, measured=True)), open_ports=lambda: nullcontext(ports))
        return look_at(measured, self.NAMES, at_once=4, together=together).record()

    def test_is_asked_for_together_and_found_the_same(self, tmp_path: Path) -> None:
        with serve() as server:
            many = Many(server=server)
            many.table["demand_07"] = Said(series=[{"pod": "a"}, {"pod": "b"}])
            alone = self.look(server.url, tmp_path / "alone", 1)
            asked_alone = len(server.asked)
            together = self.look(server.url, tmp_path / "together", 100)

        assert asked_alone == len(self.NAMES)
        assert len(server.asked) == asked_alone + 2
        first, second = (
            {name: replace(each, lately_ready=()) for name, each in found.seen.items()} for found in (alone, together)
        )
        assert first == second  # but for the ages of pods, which are of two worlds
        assert len({each.planned for each in together.seen.values()}) > 2
        assert "returns 2 series: {pod='a'}, {pod='b'}" in str(together.seen["service-07"].problem)

    def test_of_a_service_whose_source_is_a_fault_stays_with_it(self) -> None:
        fleet = Fleet({"web": (), "db": ()})

        def asked(policy: ScalingPolicy) -> None:
            if policy.name == "db":
                raise KeyError("selector")

        opened = replace(fleet.ports(), demand=asked)
        ports = replace(fleet.fleet_ports(OfFleet(fleet, measured=True)), open_ports=lambda: nullcontext(opened))

        look = look_at(ports, ["web", "db"], together=100)

        assert (list(look.seen), list(look.unseen)) == (["web"], ["db"])


@dataclass
class OfFleet:
    """The policies of a fleet; `broken` cannot be read."""

    fleet: Fleet
    broken: str = ""
    replicas: int = START
    measured: bool = False

    def names(self) -> list[str]:
        return sorted(self.fleet.after)

    def get(self, name: str) -> ScalingPolicy:
        if name == self.broken:
            raise InputError("policy: it cannot be read.", code="policy_unreadable", field="service")
        document = self.fleet.document(name)
        document["spec"]["capacity"] = {"models": [{"model": "fixed", "replicas": self.replicas}]}
        if self.measured:
            document["spec"]["demand"] = {"query": f"demand_{name[-2:]}", "unit": "jobs", "source": "prometheus"}
            document["spec"]["capacity"] = {"models": [{"model": "target_utilization", "per_replica": 3}]}
        return ScalingPolicy.model_validate(document)


@dataclass
class Slow:
    """A fleet whose demand takes its time to be answered."""

    fleet: Fleet
    takes: timedelta

    def open(self) -> AbstractContextManager[Ports]:
        return nullcontext(replace(self.fleet.ports(), demand=self._asked))

    def _asked(self, policy: ScalingPolicy) -> None:
        del policy
        self.fleet.world.advance(self.takes.total_seconds())
