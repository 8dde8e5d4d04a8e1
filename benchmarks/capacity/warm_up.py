"""The compilation of the simulator, out of the way of measurements."""

from __future__ import annotations

import numpy as np

from springtide.backtest.simulate import SimulatedAutoscaler, replay_autoscaler
from springtide.backtest.trace import Trace


def warm_up() -> None:
    """Compile the loops, a second when they are on disk, so that no measurement pays for it."""
    trace = Trace(name="warm-up", start=0.0, demand=np.ones(240), scored=120, per_replica=0.5)
    replay_autoscaler(trace, SimulatedAutoscaler("cpu", 0.5), 60)
