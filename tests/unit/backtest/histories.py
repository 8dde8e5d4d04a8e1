"""Small histories for backtests, made by rule."""

import numpy as np

from springtide.backtest.trace import Trace

DAY = 1440


def daily_wave(days: int, *, scored: int, noise: float = 0.1, seed: int = 1) -> Trace:
    """Return a service with a daily rhythm and noise, whose last `days - scored` days are scored."""
    draw = np.random.default_rng(seed)
    minute = np.arange(days * DAY)
    level = 10 + 6 * np.sin(2 * np.pi * minute / DAY)
    demand = level * draw.gamma(1 / noise**2, noise**2, len(minute))
    return Trace(name=f"wave-{days}", start=0.0, demand=demand, scored=scored * DAY, per_replica=0.5)


def steps(*levels: tuple[int, float]) -> Trace:
    """Return demand that is constant for each (minutes, pods), all of it scored; a pod carries 1."""
    demand = np.concatenate([np.full(minutes, pods) for minutes, pods in levels])
    return Trace(name="steps", start=0.0, demand=demand.astype(np.float64), scored=0, per_replica=1.0)
