"""The load test of a rehearsal against real pods of the embedded cluster: what holds, and what it stops at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from e2e.sandbox_cluster import start_sandbox
from springtide.errors import Fenced, SpringtideError
from springtide.events.rehearsal import LoadOrder
from springtide.events.rehearsed import RehearsalOutcome, RehearsalVerdict, judged
from springtide.fleet.load_test import load_test
from springtide.kube.live import connect
from springtide.record.memory import MemoryStore
from springtide.run import phases
from springtide.run.admission import admit
from springtide.run.assembly import Metrics, assemble
from springtide.run.ports import Ports, RunRequest
from springtide.verify.route import address_of
from support.builders import policy
from support.simulation import web

NOW = datetime(2026, 11, 11, tzinfo=UTC)
ORDER = LoadOrder(
    service="web",
    replicas=2,
    path="/",
    port=None,
    expect=200,
    peak=60.0,
    present=20.0,
    rate=40.0,
    seconds=10.0,
    most=10_000,
    max_errors=0.01,
    p99_seconds=5.0,
)
WEB = policy(
    strategy={"type": "in_place", "propagation": "1s", "drain": "1s"},
    smoke=[{"promql": {"query": "lost_orders", "below": 1}}, {"http": {"path": "/"}}],
)


def never(_query: str) -> float | None:
    return 0.0


@contextmanager
def shop(folder: Path, **env: str) -> Iterator[Ports]:
    """Yield the ports to an embedded cluster with two replicas of `web`, ready."""
    manifest = folder / "web.yaml"
    with manifest.open("w") as file:
        YAML(typ="safe", pure=True).dump_all(
            json.loads(json.dumps(web(2, STARTUP="100ms", DRAIN="100ms", **env))), file
        )
    cluster = start_sandbox(folder, "--manifest", str(manifest))
    try:
        ports = assemble(connect(cluster.kubeconfig), MemoryStore(), Metrics())
        ports = replace(ports, instant=never)
        assert wait_for_replicas(ports)
        yield ports
    finally:
        cluster.stop()


def wait_for_replicas(ports: Ports) -> bool:
    """Say whether both replicas are ready endpoints, and the Service leads to them, within a minute."""
    until = ports.clock.monotonic() + 60
    while ports.clock.monotonic() < until:
        try:
            observation, stable = admit(
                ports,
                RunRequest(
                    run_id="look",
                    policy=WEB,
                    replicas=None,
                    strategy=None,
                    requested_by="a test",
                    reason="a test",
                    dry_run=True,
                ),
            )
        except SpringtideError:  # the cluster comes up
            ports.clock.sleep(0.1)
            continue
        url = address_of(observation.required_service) + "/"
        if len(observation.ready_endpoints(stable)) == 2 and all(
            ports.route.get(url, timeout_seconds=2).error is None for _ in range(20)
        ):
            return True
        ports.clock.sleep(0.1)
    return False


def verdict(ports: Ports, order: LoadOrder) -> RehearsalOutcome:
    """Send the load, and return the verdict over it."""
    begun: list[str] = []
    figures = load_test(ports, WEB, order, lambda: begun.append("begun"))
    assert begun == (["begun"] if figures.requests else [])
    return judged(
        RehearsalOutcome(
            run_id="r1", policy="web", event="flash", at=NOW, verdict=RehearsalVerdict.NOT_TESTED, message=""
        ),
        order,
        figures,
    )


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    with shop(tmp_path_factory.mktemp("healthy")) as ports:
        yield ports


def test_a_service_that_serves_it_held_and_no_request_failed(healthy: Ports) -> None:
    result = verdict(healthy, ORDER)

    assert (result.verdict, result.figures is not None) == (RehearsalVerdict.HELD, True)
    assert result.figures is not None
    assert (result.figures.failed, result.figures.ready_before, result.figures.ready_after) == (0, 2, 2)
    assert result.figures.requests == 350  # 40 a second, through a ramp of 2.5 s
    assert result.measured is not None
    assert not result.measured.is_limit


def test_with_too_few_ready_replicas_nothing_is_sent(healthy: Ports) -> None:
    result = verdict(healthy, replace(ORDER, replicas=3))

    assert (result.verdict, result.figures and result.figures.requests) == (RehearsalVerdict.WOULD_NOT_HOLD, 0)
    assert "2 of 3 replicas were ready, so nothing was sent" in result.message


def test_no_more_is_sent_than_allowed_whatever_the_rate(healthy: Ports) -> None:
    figures = load_test(healthy, WEB, replace(ORDER, most=50), lambda: None)

    assert figures.requests == 50


def test_a_condition_of_the_policy_that_fails_ends_it(healthy: Ports) -> None:
    result = verdict(replace(healthy, instant=lambda _query: 7.0), ORDER)

    assert (result.verdict, result.measured) == (RehearsalVerdict.WOULD_NOT_HOLD, None)
    assert "promql lost_orders: 7 is not below 1" in result.message
    assert result.figures is not None
    assert result.figures.requests < 100


def test_metrics_that_do_not_answer_end_nothing(healthy: Ports) -> None:
    assert verdict(replace(healthy, instant=lambda _query: None), ORDER).verdict is RehearsalVerdict.HELD


def test_a_run_that_owns_the_service_is_not_loaded(healthy: Ports) -> None:
    request = RunRequest(run_id="owner", policy=WEB, replicas=3, strategy=None, requested_by="a test", reason="a test")
    plan = phases.calculate_capacity(healthy, request)
    phases.create_instances(healthy, request, plan)

    with pytest.raises(Fenced, match="owner"):
        load_test(healthy, WEB, ORDER, lambda: None)


def test_errors_end_it_early_and_measure_nothing(tmp_path: Path) -> None:
    with shop(tmp_path, FAIL_RATE="0.2") as ports:
        result = verdict(ports, ORDER)

    assert (result.verdict, result.measured) == (RehearsalVerdict.WOULD_NOT_HOLD, None)
    assert "times status 500" in result.message
    assert result.figures is not None
    assert result.figures.requests < 350


def test_a_service_with_too_few_workers_ends_it_early_and_its_limit_is_measured(tmp_path: Path) -> None:
    """One worker that needs 40 ms serves 25 requests/s; two replicas are to get 100."""
    with shop(tmp_path, WORK="40ms", WORKERS="1") as ports:
        result = verdict(ports, replace(ORDER, rate=100.0, peak=100.0, present=0.0, seconds=60.0, p99_seconds=0.5))

    assert result.verdict is RehearsalVerdict.WOULD_NOT_HOLD
    assert result.figures is not None
    assert result.figures.stopped is not None
    assert result.measured is not None
    assert result.measured.is_limit
    assert 5 < result.measured.per_replica <= 27  # an answer more may end in the same second
    assert "One replica serves" in result.message
