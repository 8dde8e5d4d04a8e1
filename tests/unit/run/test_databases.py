"""A service with a PostgreSQL behind it: a run waits while that is unfit, goes on or rolls back, and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from springtide.errors import DeadlineExceeded, InputError
from springtide.record.model import RunOutcome
from springtide.run import pipeline
from springtide.run.ports import Ports, RunRequest
from springtide.sandbox.faults import Fault, FaultKind, FaultPlan, Match
from springtide.verify.database import PostgresDatabases
from support.builders import policy
from support.postgres_pair import Pair, Writer, postgresql_pair, rows
from support.simulation import Simulation


@pytest.fixture
def pair() -> Iterator[Pair]:
    with postgresql_pair() as started:
        yield started


@pytest.fixture
def writer(pair: Pair) -> Iterator[Writer]:
    """Somebody who writes all the time, as the service's own pods do."""
    started = Writer(pair.address)
    thread = started.start()
    yield started
    started.stop(thread)


def behind(simulation: Simulation, pair: Pair, **check: Any) -> tuple[Ports, RunRequest]:
    """Return the ports and the request of a run whose service depends on the pair."""
    checks = [{"name": "orders", "connection": "orders_db", "free_connections": 5} | check]
    chosen = policy(**simulation.policy.model_dump(mode="json")["spec"] | {"databases": checks})
    databases = PostgresDatabases({"orders_db": pair.address}.get)
    ports = replace(simulation.ports(), databases=databases, policy_of=lambda _name: chosen)
    return ports, replace(simulation.request(4), policy=chosen)


def at_write(simulation: Simulation, number: int, act: Any) -> None:
    """Have `act` happen just before the run's write of that number."""
    simulation.world.faults = FaultPlan().at(Match(write=number), Fault(FaultKind.PAUSE, meanwhile=act))


def lost(writer: Writer, address: str) -> set[int]:
    """Return what was acknowledged and is not there."""
    return set(writer.acknowledged) - rows(address)


@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
def test_a_run_rolls_back_when_the_primary_is_gone_for_good(pair: Pair, writer: Writer, strategy: str) -> None:
    simulation = Simulation.of(2, strategy=strategy)
    ports, request = behind(simulation, pair)
    at_write(simulation, 3, pair.stop_primary)

    with pytest.raises(DeadlineExceeded, match="database orders does not answer"):
        pipeline.run(ports, request)

    assert simulation.store.get("run-1").outcome is RunOutcome.ROLLED_BACK
    deployment = simulation.deployment("web")
    assert deployment is not None
    assert deployment["spec"]["replicas"] == 2
    assert writer.acknowledged
    pair.promote()
    assert lost(writer, pair.only("standby")) == set()


def test_a_run_holds_while_nobody_is_primary_and_goes_on_with_the_new_one(pair: Pair, writer: Writer) -> None:
    simulation = Simulation.of(2)
    ports, request = behind(simulation, pair)
    at_write(simulation, 3, pair.stop_primary)
    held: list[str] = []

    def promote_once(message: str) -> None:
        if "database orders does not answer" in message and not held:
            held.append(message)
            pair.promote()

    assert pipeline.run(replace(ports, on_wait=promote_once), request) is RunOutcome.SUCCEEDED
    assert held
    assert writer.acknowledged
    assert lost(writer, pair.address) == set()


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ({"free_connections": 100_000}, "100000 must be"),
        ({"standbys": 2}, "1 standbys are streaming, 2 must be"),
        ({"connection": "nobody"}, "'nobody' is not configured"),
    ],
)
def test_a_run_does_not_begin_on_an_unfit_database(pair: Pair, check: dict[str, Any], message: str) -> None:
    simulation = Simulation.of(2)
    ports, request = behind(simulation, pair, **check)

    with pytest.raises(InputError) as caught:
        pipeline.run(ports, request)

    assert (caught.value.code, message in caught.value.message) == ("database_unfit", True)
    assert [call for call in simulation.world.history.calls if call.write] == []


def test_a_standby_will_do_where_any_does(pair: Pair) -> None:
    simulation = Simulation.of(2, strategy="in_place")
    ports, request = behind(simulation, pair, role="any")
    standby = PostgresDatabases({"orders_db": pair.only("standby")}.get)

    assert pipeline.run(replace(ports, databases=standby), request) is RunOutcome.SUCCEEDED


def test_a_standby_is_no_primary(pair: Pair) -> None:
    simulation = Simulation.of(2)
    ports, request = behind(simulation, pair)
    standby = PostgresDatabases({"orders_db": pair.only("standby")}.get)

    with pytest.raises(InputError, match="it is a standby"):
        pipeline.run(replace(ports, databases=standby), request)
