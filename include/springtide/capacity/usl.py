"""Throughput that falls behind the number of replicas, by the Universal Scalability Law.

Source: N. J. Gunther, "A simple capacity model of massively parallel transaction systems", CMG 1993, and "Guerrilla
Capacity Planning", Springer 2007: X(N) = gN ÷ (1 + a(N - 1) + bN(N - 1)), g what one replica serves, a contention
(waiting for something shared; his sigma), b coherency (replicas that keep each other up to date; his kappa). Fitted by
least squares on X with none of them negative. Extrapolated it is a guess, so the answer says where it was measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from springtide.capacity.model import ModelAnswer
from springtide.demand.model import DemandSeries
from springtide.demand.recent import recent_peak


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A fitted law; it was measured from `fewest` to `most` replicas."""

    single: float
    contention: float
    coherency: float
    fewest: int
    most: int

    def throughput(self, replicas: float) -> float:
        """Return what `replicas` serve together, fully used."""
        crosstalk = self.coherency * replicas * (replicas - 1)
        return self.single * replicas / (1 + self.contention * (replicas - 1) + crosstalk)

    @property
    def best(self) -> float:
        """The number of replicas beyond which more serve less; infinite without coherency."""
        if not self.coherency:
            return math.inf
        return max(1.0, math.sqrt(max(0.0, 1 - self.contention) / self.coherency))

    def replicas_for(self, demand: float) -> float:
        """Return the fewest replicas (a fraction) that serve `demand`; infinite where no number does."""
        a = demand * self.coherency
        b = demand * (self.contention - self.coherency) - self.single
        c = demand * (1 - self.contention)
        if a == 0:
            return c / -b if b < 0 else math.inf
        root = b * b - 4 * a * c
        # the smaller root, written so that nothing cancels
        return 2 * c / (-b + math.sqrt(root)) if root >= 0 and b < 0 else math.inf


def fitted(measured: Sequence[tuple[int, float]]) -> Law:
    """Return the law that is nearest to `measured` pairs of replicas and throughput, at least three different ones."""
    from scipy.optimize import least_squares

    replicas, throughput = (np.array(column, np.float64) for column in zip(*measured, strict=True))
    # In units of the best single replica all three parameters are of the order of 1: the fit converges for 10 and for
    # 10 million requests a second alike.
    first = float(np.max(throughput / replicas))

    def misses(parameters: NDArray[np.float64]) -> Any:
        single, contention, coherency = parameters
        crowd = 1 + contention * (replicas - 1) + coherency * replicas * (replicas - 1)
        return (single * first * replicas / crowd - throughput) / throughput.max()

    solution = least_squares(misses, x0=(1.0, 0.01, 1e-4), bounds=(0, np.inf), x_scale=(1.0, 0.1, 1e-3), xtol=1e-14)
    single, contention, coherency = (float(number) for number in solution.x)
    return Law(
        single=single * first,
        contention=contention,
        coherency=coherency,
        fewest=int(replicas.min()),
        most=int(replicas.max()),
    )


@dataclass(frozen=True, slots=True)
class Usl:
    """Replicas whose throughput by `law` times `target` carries the recent peak."""

    law: Law
    target: float = 0.7
    window: timedelta = timedelta(minutes=5)

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas for the recent peak; where no number carries it, the number that serves most.

        Raises:
            DemandUnusable: no sample lies in the last `window` (`capacity_unusable`).
        """
        del replicas
        law = self.law
        peak = recent_peak(demand, now=now, window=self.window)
        wanted = law.replicas_for(peak / self.target)
        # Where more replicas serve less, "as many as possible" would make it worse: then the best number is the answer.
        needed = wanted if math.isfinite(wanted) else min(law.best, 1e9)
        return ModelAnswer(
            model="usl",
            replicas=needed,
            inputs={
                "peak": peak,
                "unit": demand.unit,
                "lambda_single": law.single,
                "sigma_contention": law.contention,
                "kappa_coherency": law.coherency,
                "target": self.target,
                "measured_from": law.fewest,
                "measured_to": law.most,
            },
            reason=f"{self._words(peak, wanted, needed)}, {self._range(needed)}",
        )

    def _words(self, peak: float, wanted: float, needed: float) -> str:
        if math.isfinite(wanted):
            return f"peak {peak:g} at {self.target:g} of what {needed:.3g} replicas serve together"
        most = self.law.throughput(needed)
        return f"no number of replicas carries peak {peak:g} at {self.target:g}: {needed:.3g} serve most, {most:.4g}"

    def _range(self, needed: float) -> str:
        law = self.law
        measured = f"measured with {law.fewest} to {law.most}"
        return measured if math.ceil(needed) <= law.most else f"a guess beyond what was {measured}"
