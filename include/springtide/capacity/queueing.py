"""As many replicas as an objective on waiting time needs.

Source: A. K. Erlang's second formula (1917) for the probability of waiting with Poisson arrivals and exponential
service (M/M/c), by the recursion of the loss formula, B(0) = 1, B(c) = aB(c-1) ÷ (c + aB(c-1)),
C = B ÷ (1 - (1 - B)a÷c), which neither overflows nor loses digits; and P(wait > t) = C·exp(-(c - a)·t ÷ service time).
With many servers it becomes P(wait) = [1 + βΦ(β) ÷ φ(β)]⁻¹ at c = a + β√a (Halfin and Whitt, Operations Research
29(3), 1981), which is shown beside it as a check.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import NormalDist

from springtide.capacity.model import ModelAnswer
from springtide.demand.model import DemandSeries
from springtide.demand.recent import recent_peak


def erlang_c(servers: int, load: float) -> float:
    """Return the probability that an arrival waits; `load` a is arrivals x service time. 1 where the queue grows."""
    if load >= servers:
        return 1.0
    # The textbook sum of a^k ÷ k! overflows beyond 170 servers; this recursion of its ratio stays within 0 and 1.
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def waiting_longer(servers: int, load: float, wait: float) -> float:
    """Return the probability that an arrival waits longer than `wait` service times."""
    return erlang_c(servers, load) * math.exp(-max(0.0, servers - load) * wait)


def servers_for(load: float, wait: float, late: float) -> int:
    """Return the fewest servers of one queue with which at most a share `late` waits longer than `wait`."""
    blocked = 1.0
    count = 0
    # One server more each time: the recursion gives the next count from this one, so the search costs nothing extra.
    while True:
        count += 1
        blocked = load * blocked / (count + load * blocked)
        if count > load:
            waits = blocked / (1 - load / count * (1 - blocked))
            if waits * math.exp(-(count - load) * wait) <= late:
                return count


def halfin_whitt(servers: float, load: float) -> float:
    """Return what the limit of many servers says of the probability of waiting."""
    if load >= servers:
        return 1.0
    if load <= 0:
        return 0.0
    beta = (servers - load) / math.sqrt(load)  # headroom in standard deviations of a Poisson load
    normal = NormalDist()
    density = normal.pdf(beta)
    return 1 / (1 + beta * normal.cdf(beta) / density) if density else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """Replicas of `workers` each, so that at most 1 - `share` of the requests wait longer than `wait` seconds.

    `is_shared` False: requests are dealt out at random, so each replica is a queue of its own and gets its share of a
    Poisson stream, which is one too. It needs far more than one queue for all, and that is what a Service does.
    """

    per_replica: float
    workers: int = 1
    wait: float = 0.0
    share: float = 0.95
    is_shared: bool = False
    window: timedelta = timedelta(minutes=5)

    def answer(self, demand: DemandSeries, *, replicas: int, now: datetime) -> ModelAnswer:
        """Return the replicas for the recent peak.

        Raises:
            DemandUnusable: no sample lies in the last `window` (`capacity_unusable`).
        """
        del replicas
        peak = recent_peak(demand, now=now, window=self.window)
        load = peak / self.per_replica * self.workers
        needed = self.replicas_for(load)
        servers = needed * self.workers
        one_queue = (servers, load) if self.is_shared else (self.workers, load / needed if needed else 0.0)
        late = waiting_longer(*one_queue, self._in_service_times)
        queues = "one queue for all" if self.is_shared else "a queue each"
        return ModelAnswer(
            model="queueing",
            replicas=needed,
            inputs={
                "peak": peak,
                "unit": demand.unit,
                "load_workers": load,
                "workers": self.workers,
                "waiting_longer": late,
                "halfin_whitt_waiting": halfin_whitt(*one_queue),
                "waiting": erlang_c(*one_queue),
            },
            reason=f"peak {peak:g} {demand.unit} keeps {load:.4g} workers busy; {needed} replicas of {self.workers} "
            f"({queues}) let {late:.2%} wait longer than {self.wait:g} s, {1 - self.share:.2%} may",
        )

    def replicas_for(self, load: float) -> int:
        """Return the fewest replicas for `load` busy workers; 0 without load."""
        if load <= 0:
            return 0
        late = 1 - self.share
        if self.is_shared:
            return math.ceil(servers_for(load, self._in_service_times, late) / self.workers)
        few = math.floor(load / self.workers)
        enough = 1
        # Each replica is a queue with its share of the load, and lateness falls with every replica: first a bound by
        # doubling, then the fewest by halving the gap.
        while self._late(load / enough) > late:
            few = enough
            enough = 2 * enough
        while enough - few > 1:
            middle = (few + enough) // 2
            if self._late(load / middle) <= late:
                enough = middle
            else:
                few = middle
        return enough

    @property
    def _in_service_times(self) -> float:
        return self.wait * self.per_replica / self.workers

    def _late(self, load: float) -> float:
        return waiting_longer(self.workers, load, self._in_service_times)
