"""Which tuned setting the cluster's recording rule was last given, so that a later tuning can say that it is stale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from springtide.capacity.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What `springtide autoscaler --apply` wrote last for one service.

    `rule` is a fingerprint of the whole rule, which a changed policy changes, too; `follower` the kind that follows
    it. `by_hand`: a person keeps the rule in Prometheus' own files.
    """

    setting: Setting
    rule: str
    follower: str
    at: datetime
    by_hand: bool = False

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return asdict(self) | {"at": self.at.isoformat()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Applied:
        """Return what `to_record` stored."""
        parsed = {"setting": Setting.from_record(record["setting"]), "at": datetime.fromisoformat(record["at"])}
        return cls(**{**record, **parsed})
