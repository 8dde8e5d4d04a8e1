"""The switch that stops all writes, by the ways that are Airflow's."""

from __future__ import annotations

from typing import Any, cast

import pytest

from springtide.clock import ManualClock
from springtide.errors import TemporaryError
from springtide.run.halt import Halt
from springtide_airflow.halting import halt_switch
from unit.record.run_builders import NOON

NO_CLUSTER = cast("Any", None)
"""Who has halted this Airflow is told without a look at any cluster."""


def asked() -> Halt | None:
    return halt_switch().pulled(NO_CLUSTER, ManualClock(NOON), "shop")


def test_a_variable_halts_every_write_of_this_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_SPRINGTIDE_HALT", "ann: the load balancer is down")

    assert str(asked()) == "halted by ann: the load balancer is down (the Airflow variable springtide_halt)"


def test_the_environment_goes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_SPRINGTIDE_HALT", "ann: the load balancer is down")
    monkeypatch.setenv("SPRINGTIDE_HALT", "bob: the whole region is down")

    assert str(asked()) == "halted by bob: the whole region is down (SPRINGTIDE_HALT)"


def test_a_variable_that_cannot_be_read_is_no_word_that_nobody_halts(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import Variable
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    def fail(*_arguments: object, **_options: object) -> str:
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.GENERIC_ERROR))

    monkeypatch.setattr(Variable, "get", fail)

    with pytest.raises(TemporaryError, match="nobody knows whether writes are halted") as told:
        asked()

    assert told.value.code == "halt_unreadable"
