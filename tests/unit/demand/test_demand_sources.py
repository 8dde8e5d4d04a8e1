"""One suite over every source: what the Protocol promises, and the way from a policy to demand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from springtide.demand.model import DemandSource
from springtide.demand.registry import demand_source, read_demand
from springtide.demand.verdict import QualityOutcome, QualityVerdict
from springtide.errors import DemandUnusable, InputError
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.scaling.demand import FileDemand, PrometheusDemand
from unit.demand.prometheus_server import Prometheus

NOW = datetime(2026, 11, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).parents[3]

Make = Callable[[Callable[[float], float | str | None]], DemandSource]


@pytest.fixture(params=["prometheus", "file"])
def make(request: pytest.FixtureRequest, prometheus: Prometheus, tmp_path: Path) -> Make:
    """Return what makes a source that says `value(t)` for each minute t of the day before NOW."""

    def over_http(value: Callable[[float], float | str | None]) -> DemandSource:
        prometheus.value = value
        spec = PrometheusDemand(query="x", unit="requests/s")
        return demand_source(spec, prometheus_url=prometheus.url, base=tmp_path)

    def from_file(value: Callable[[float], float | str | None]) -> DemandSource:
        moments = [NOW - back * MINUTE for back in range(1440, -1, -1)]
        rows = [f"{moment.isoformat()},{value(moment.timestamp())}" for moment in moments]
        (tmp_path / "day.csv").write_text("\n".join(["timestamp,value", *(row for row in rows if "None" not in row)]))
        return demand_source(FileDemand(path="day.csv", unit="requests/s"), prometheus_url=None, base=tmp_path)

    return over_http if request.param == "prometheus" else from_file


def test_the_samples_of_the_range_come_in_order_with_both_ends(make: Make) -> None:
    demand = make(lambda moment: moment % 7).read(NOW - 10 * MINUTE, NOW, MINUTE)

    assert list(demand.times) == [NOW.timestamp() - 60 * back for back in range(10, -1, -1)]
    assert list(demand.values) == [moment % 7 for moment in demand.times]
    assert demand.unit == "requests/s"


def test_there_is_at_most_one_sample_a_step(make: Make) -> None:
    demand = make(lambda _: 1).read(NOW - timedelta(hours=1), NOW, timedelta(minutes=5))

    assert np.all(np.diff(demand.times // 300) >= 1)
    assert 12 <= len(demand) <= 13


def test_gaps_are_missing_samples(make: Make) -> None:
    demand = make(lambda moment: None if moment % 120 else 1).read(NOW - 9 * MINUTE, NOW, MINUTE)

    assert len(demand) == 5


@pytest.mark.parametrize("wrong", ["NaN", "inf", -1])
def test_absurd_values_are_no_demand(make: Make, wrong: float | str) -> None:
    source = make(lambda moment: wrong if moment == NOW.timestamp() else 1)

    with pytest.raises(DemandUnusable) as caught:
        source.read(NOW - 10 * MINUTE, NOW, MINUTE)

    assert caught.value.code == "capacity_unusable"


def test_demand_that_ended_an_hour_ago_is_held_by_the_gate(make: Make) -> None:
    source = make(lambda moment: 1 if moment < NOW.timestamp() - 3600 else None)
    spec = PrometheusDemand.model_validate({"query": "x", "unit": "requests/s", "lookback": "2h"})

    _, verdict = read_demand(source, spec, now=NOW)

    assert verdict.outcome is QualityOutcome.HOLD
    assert "is 3660 s old; quality.max_age allows 5m" in verdict.message


def test_demand_that_passes_the_gate_comes_back(make: Make) -> None:
    spec = PrometheusDemand(query="x", unit="requests/s")

    demand, verdict = read_demand(make(lambda _: 3), spec, now=NOW)

    assert (len(demand), verdict) == (61, QualityVerdict())


def test_prometheus_needs_an_address(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        demand_source(PrometheusDemand(query="x", unit="jobs"), prometheus_url=None, base=tmp_path)

    assert (caught.value.code, caught.value.field) == ("prometheus_url_required", "demand.source")


def test_nothing_is_asked_before_it_is_read(prometheus: Prometheus, tmp_path: Path) -> None:
    demand_source(PrometheusDemand(query="x", unit="jobs"), prometheus_url=prometheus.url, base=tmp_path)

    assert prometheus.asked == []


def test_a_file_beside_the_folder_of_policies_is_read(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "day.csv").write_text(f"timestamp,value\n{NOW.isoformat()},5\n")
    spec = FileDemand(path="../day.csv", unit="jobs")

    source = demand_source(spec, prometheus_url=None, base=tmp_path / "policies")

    assert list(source.read(NOW - MINUTE, NOW, MINUTE).values) == [5]


def test_a_link_that_leads_away_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "project" / "policies"
    folder.mkdir(parents=True)
    (tmp_path / "secret.csv").write_text("timestamp,value\n")
    (folder / "day.csv").symlink_to(tmp_path / "secret.csv")

    with pytest.raises(DemandUnusable, match="leads away from the folder of policies"):
        demand_source(FileDemand(path="day.csv", unit="jobs"), prometheus_url=None, base=folder)


def test_the_example_replays_a_match_day() -> None:
    spec = PolicyFolder(ROOT / "examples" / "policies").get("world-cup").spec.demand
    assert isinstance(spec, FileDemand)

    demand, verdict = read_demand(
        demand_source(spec, prometheus_url=None, base=ROOT / "examples" / "policies"), spec, now=NOW
    )

    assert (len(demand), verdict) == (61, QualityVerdict())
    assert demand.values[-1] == pytest.approx(1281, abs=1)
    assert demand.values[-31] == pytest.approx(535, abs=1)
