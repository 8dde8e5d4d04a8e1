from __future__ import annotations

from pathlib import Path

import pytest

from springtide.record.settings import RecordSettings


@pytest.mark.parametrize("environment", [{}, {"SPRINGTIDE_STORE_URL": "", "SPRINGTIDE_METRICS_DIRECTORY": ""}])
def test_unset_and_empty_variables_leave_the_defaults(environment: dict[str, str]) -> None:
    assert RecordSettings.from_environment(environment) == RecordSettings("sqlite:///.springtide/runs.db", None)


def test_variables_are_taken() -> None:
    environment = {"SPRINGTIDE_STORE_URL": "postgresql://host/runs", "SPRINGTIDE_METRICS_DIRECTORY": "/metrics"}

    assert RecordSettings.from_environment(environment) == RecordSettings("postgresql://host/runs", Path("/metrics"))
