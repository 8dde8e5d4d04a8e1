"""Looks at many services: in chunks, by lists, and an error stays with its own service."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from springtide.errors import ClusterUnavailable, InputError
from springtide.fleet.chunks import LookBounds, chunks_of, title_of
from springtide.fleet.look_record import LookRecord
from springtide.fleet.looking import look_at
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.model import ScalingPolicy
from springtide.settings import Settings
from support.builders import policy_text
from support.fleet import Fleet
from support.two_clusters import ALPHA, SECOND, TwoClusters


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

    def test_keeps_the_error_of_one_policy_with_its_service(self) -> None:
        fleet = Fleet({"web": (), "db": ()})

        look = look_at(fleet.fleet_ports(OfFleet(fleet, broken="db")), ["web", "db"]).record()

        assert (list(look.seen), list(look.unseen)) == (["web"], ["db"])
        assert look.lines()[0].startswith("db: not seen: ")

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


@dataclass
class OfFleet:
    """The policies of a fleet; `broken` cannot be read."""

    fleet: Fleet
    broken: str = ""

    def names(self) -> list[str]:
        return sorted(self.fleet.after)

    def get(self, name: str) -> ScalingPolicy:
        if name == self.broken:
            raise InputError("policy: it cannot be read.", code="policy_unreadable", field="service")
        return ScalingPolicy.model_validate(self.fleet.document(name))
