"""The simulated HPA agrees with an independent simulator on public traces (2 % of cost; 5 % or 5 of the minutes)."""

from pathlib import Path

import pytest

from springtide.backtest.policies import AUTOSCALERS
from springtide.backtest.simulate import replay_autoscaler, score
from springtide.backtest.trace import Trace, read_traces

TRACES = Path(__file__).parent / "traces"
REFERENCE = {
    ("aws-elb-requests", 60): ((275, 2.799), (1150, 1.962), (1340, 1.716)),
    ("aws-elb-requests", 300): ((1847, 2.319), (3536, 1.376), (2900, 1.716)),
    ("alibaba-2018-cpu", 60): ((0, 2.143), (7, 1.532), (9, 1.486)),
    ("alibaba-2018-cpu", 300): ((0, 2.124), (24, 1.514), (24, 1.486)),
}


@pytest.fixture(scope="module")
def traces() -> dict[str, Trace]:
    return {trace.name: trace for trace in read_traces(TRACES)}


@pytest.mark.parametrize(("name", "startup"), REFERENCE)
@pytest.mark.parametrize("column", range(3))
def test_agrees_with_the_reference(traces: dict[str, Trace], name: str, startup: int, column: int) -> None:
    scored = traces[name].from_scored()
    autoscaler = list(AUTOSCALERS.values())[column]
    minutes, cost = REFERENCE[name, startup][column]

    found = score(scored, replay_autoscaler(scored, autoscaler, startup))

    assert found.cost == pytest.approx(cost, rel=0.02)
    assert found.violated_minutes == pytest.approx(minutes, rel=0.05, abs=5)
