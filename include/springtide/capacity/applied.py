"""Which tuned setting the cluster's recording rule was last given, so that a later tuning can say that it is stale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from springtide.capacity.setting import Setting
from springtide.stored import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied(Stored):
    """What `springtide autoscaler --apply` wrote last for one service.

    `rule` is a fingerprint of the whole rule, which a changed policy changes, too; `follower` the kind that follows
    it. `by_hand`: a person keeps the rule in Prometheus' own files.
    """

    setting: Setting
    rule: str
    follower: str
    at: datetime
    by_hand: bool = False
