"""An import as a user has it: manifests in files, documents in folders, read back by what runs in production."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from springtide.adoption.asks import Years
from springtide.adoption.documents import text_of, write
from springtide.adoption.downscaler import DownscalerDefaults
from springtide.adoption.files import read_manifests
from springtide.adoption.found import FoundObjects
from springtide.adoption.proposals import Proposal, Wishes, propose
from springtide.events.file_checks import check_files
from springtide.events.occurrences import occurrences
from springtide.policy.calendar.files import load_calendar
from springtide.policy.reading.parse import load_policy
from springtide.policy.scaling.capacity import FixedSpec
from unit.adoption.originals import MINUTE, Asked, Times, minutes

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def imported(
    folder: Path, manifests: Iterable[Mapping[str, Any]], *, zone: str = "UTC", now: datetime = NOW
) -> Proposal:
    """Return the proposal for `manifests`, and write its documents below `folder`, where they are valid."""
    source = folder / "manifests.json"
    folder.mkdir(parents=True, exist_ok=True)
    source.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}))
    defaults = DownscalerDefaults(zone=ZoneInfo(zone))
    proposal = propose(
        FoundObjects.of(read_manifests([source]).objects), Wishes(owner=None, defaults=defaults, years=Years(now))
    )
    write(folder, {each.path: text_of(each, "import") for each in proposal.documents}, replace=False)
    if proposal.documents:
        checks = check_files([folder], now=now)
        assert list(map(str, checks.errors)) == []
    return proposal


def asked_for(folder: Path, service: str, times: Times) -> Asked:
    """Return what the written policy and calendars ask for at each minute."""
    policy = load_policy(folder / "policies" / f"{service}.yaml")
    (model,) = policy.spec.capacity.models
    assert isinstance(model, FixedSpec)
    assert model.replicas == policy.spec.replicas.min
    asked = [model.replicas] * len(list(minutes(times)))
    for path in sorted((folder / "calendars").glob("*.yaml")):
        for occurrence in occurrences(load_calendar(path), path.parent, now=times[0]):
            request = occurrence.asks.get(service)
            if request is not None and request.replicas is not None:
                first = max(0, -((times[0] - occurrence.start) // MINUTE))
                last = min(len(asked), -((times[0] - occurrence.end) // MINUTE))
                for at in range(first, last):
                    asked[at] = max(asked[at], request.replicas)
    return asked


def differences(ours: Asked, theirs: Asked, times: Times) -> list[str]:
    """Return the first minutes at which the two differ."""
    told = [
        f"{moment:%Y-%m-%d %H:%M}: {mine} asked, {other} originally"
        for moment, mine, other in zip(minutes(times), ours, theirs, strict=True)
        if mine != other
    ]
    return told[:5]
