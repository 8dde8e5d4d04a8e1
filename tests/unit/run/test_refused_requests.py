"""A request that was refused stands in the history: who asked for what, when, and why not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from springtide.clock import ManualClock
from springtide.errors import InputError, PermanentError, PolicyError, TemporaryError
from springtide.policy.reading.folder import PolicyFolder
from springtide.record.model import RunOutcome, ScalingRun
from springtide.run import phases
from springtide.run.planned import close_run, failure_of, plan_run
from springtide.run.refusals import NOWHERE, refusals_kept
from springtide.run.request_parameters import RequestOrigin, parse_request
from support.builders import policy_text
from support.simulation import Simulation

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)
ORIGIN = RequestOrigin(run_id="run-1", requested_by="ada", trigger="manual", due=NOW)


@pytest.fixture
def folder(tmp_path: Path) -> PolicyFolder:
    (tmp_path / "checkout.yaml").write_text(policy_text("checkout", replicas={"min": 2, "max": 20}))
    (tmp_path / "broken.yaml").write_text(policy_text("broken", replicas={"min": 99, "max": 20}))
    return PolicyFolder(tmp_path)


def refused(folder: PolicyFolder, simulation: Simulation, **asked: Any) -> ScalingRun:
    """Return the record of the request `asked`, which is refused."""
    with (
        pytest.raises((InputError, PolicyError)),
        refusals_kept(simulation.store, asked, folder, ORIGIN, ManualClock(NOW)),
    ):
        parse_request(asked, folder, ORIGIN, NOW)
    return simulation.store.get("run-1")


def test_who_asked_for_400_is_kept_with_what_was_asked_and_why_not(folder: PolicyFolder) -> None:
    kept = refused(folder, Simulation.of(2), service="checkout", replicas=400, reason="sale", dry_run=False, until=None)

    assert (kept.outcome, kept.requested_by, kept.reason) == (RunOutcome.REFUSED, "ada", "sale")
    assert (kept.policy, kept.strategy, kept.seconds) == ("checkout", "blue_green", 0)
    assert kept.error is not None
    assert kept.error["code"] == "pods_too_many"
    assert kept.error["asked"] == {"service": "checkout", "replicas": "400", "reason": "sale"}
    assert ScalingRun.from_record(json.loads(json.dumps(kept.to_record()))) == kept


@pytest.mark.parametrize(
    ("service", "name"), [("nope", "nope"), (None, "None"), ("a\0b\nc", "a\ufffdb\ufffdc"), (["x"], "['x']")]
)
def test_a_service_that_is_none_is_kept_in_one_line_of_harmless_letters(
    folder: PolicyFolder, service: object, name: str
) -> None:
    kept = refused(folder, Simulation.of(2), service=service)

    assert (kept.policy, kept.target, kept.outcome) == (name, NOWHERE, RunOutcome.REFUSED)


def test_what_is_asked_is_never_kept_at_any_length(folder: PolicyFolder) -> None:
    kept = refused(folder, Simulation.of(2), service="x" * 10_000, reason="y" * 10_000)

    assert kept.error is not None
    assert (len(kept.policy), len(kept.reason), len(kept.error["asked"]["reason"])) == (253, 253, 120)


def test_a_policy_with_errors_is_refused_too(folder: PolicyFolder) -> None:
    assert refused(folder, Simulation.of(2), service="broken").policy == "broken"


def test_a_run_that_has_begun_is_never_written_over(folder: PolicyFolder) -> None:
    simulation = Simulation.of(2)
    phases.calculate_capacity(simulation.ports(), simulation.request(4))

    assert refused(folder, simulation, service="checkout", replicas=400).outcome is RunOutcome.RUNNING


def test_one_that_is_cleared_when_it_is_allowed_begins(folder: PolicyFolder) -> None:
    simulation = Simulation.of(2)
    refused(folder, simulation, service="checkout", replicas=400)

    assert simulation.run(4) is RunOutcome.SUCCEEDED
    assert simulation.store.get("run-1").outcome is RunOutcome.SUCCEEDED


def test_a_store_that_does_not_answer_changes_no_answer(folder: PolicyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation.of(2)

    def away(_run: ScalingRun) -> None:
        raise TemporaryError("away", code="store_unavailable")

    monkeypatch.setattr(simulation.store, "save", away)
    asked = {"service": "checkout", "replicas": 400}

    with (
        pytest.raises(InputError, match="400"),
        refusals_kept(simulation.store, asked, folder, ORIGIN, ManualClock(NOW)),
    ):
        parse_request(asked, folder, ORIGIN, NOW)


def test_its_report_says_refused_and_warns_of_no_missing_record(
    folder: PolicyFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    simulation = Simulation.of(2)
    kept = refused(folder, simulation, service="checkout", replicas=400)
    error = failure_of("calculate_capacity", kept.error)

    with pytest.raises(PermanentError, match=r"^refused: calculate_capacity: "):
        close_run(simulation.ports(), None, error, run_id="run-1")
    with pytest.raises(PermanentError, match=r"^failed: "):
        close_run(simulation.ports(), None, error, run_id="never begun")

    assert "record_not_kept" not in "".join(capsys.readouterr())


class TestTooLate:
    LATE = RequestOrigin(run_id="run-1", requested_by="ada", trigger="manual", due=NOW - timedelta(minutes=65))

    def test_it_is_refused_before_anything_is_planned(self) -> None:
        simulation = Simulation.of(2)
        refusal = self.LATE.refusal_for_age(NOW)
        assert refusal is not None

        with pytest.raises(InputError, match="due 65 min ago"):
            plan_run(simulation.ports(), simulation.request(4), refusal=refusal)

        assert simulation.store.latest() == ()
        assert [call for call in simulation.world.history.writes() if call.write] == []
