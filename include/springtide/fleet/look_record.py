"""What a task that looked at services leaves for those that follow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from springtide.events.sweep import Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRecord:
    """What was found of each service, and why others were not seen."""

    seen: Mapping[str, Inspection] = field(default_factory=dict)
    unseen: Mapping[str, str] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """Return the stored form: JSON types only."""
        return {"seen": [facts.to_record() for facts in self.seen.values()], "unseen": dict(self.unseen)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> LookRecord:
        """Return the record that `to_record` stored."""
        found = map(Inspection.from_record, record["seen"])
        return cls(seen={facts.service: facts for facts in found}, unseen=dict(record["unseen"]))

    def lines(self) -> list[str]:
        """Return what there is to say: each service that is not seen, not well or not as it should be, and a sum."""
        unseen = [f"{service}: not seen: {why}" for service, why in self.unseen.items()]
        told = [_line(facts) for facts in self.seen.values() if not _is_quiet(facts)]
        quiet = len(self.seen) - len(told)
        return [*unseen, *told, f"{len(self.seen)} services seen, {quiet} of them well and as they should be"]


def _is_quiet(facts: Inspection) -> bool:
    return facts.planned == facts.current and not facts.health.problem and facts.frozen is None


def _line(facts: Inspection) -> str:
    asked = "what demand asks for is not known" if facts.planned is None else f"{facts.planned} are asked for"
    why = f"; {facts.frozen}" if facts.frozen else ""
    return f"{facts.service}: {facts.current} replicas; {asked}; {facts.health.message()}{why}"
