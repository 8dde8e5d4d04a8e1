"""A quota with scopes counts the pods that all of them match, as Kubernetes does it."""

from __future__ import annotations

from typing import Any

import pytest

from springtide.kube.objects import Json
from springtide.plan.quota_scopes import PodTraits, counts


def priority(operator: str, *values: str) -> Json:
    return {
        "scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": operator, "values": values}]}
    }


@pytest.mark.parametrize(
    ("quota", "pod", "counted"),
    [
        ({}, {}, True),
        ({"scopes": ["BestEffort"]}, {"is_best_effort": True}, True),
        ({"scopes": ["BestEffort"]}, {}, False),
        ({"scopes": ["NotBestEffort"]}, {}, True),
        ({"scopes": ["NotTerminating"]}, {}, True),
        ({"scopes": ["Terminating"]}, {}, False),
        ({"scopes": ["Terminating"]}, {"has_deadline": True}, True),
        ({"scopes": ["NotTerminating", "BestEffort"]}, {}, False),
        ({"scopes": ["CrossNamespacePodAffinity"]}, {}, False),
        ({"scopes": ["CrossNamespacePodAffinity"]}, {"reaches_namespaces": True}, True),
        ({"scopes": ["VolumeAttributesClass"]}, {}, False),
        (priority("In", "high", "top"), {"priority_class": "high"}, True),
        (priority("In", "high"), {"priority_class": "low"}, False),
        (priority("In", "high"), {}, False),
        (priority("NotIn", "high"), {}, True),
        (priority("NotIn", "high"), {"priority_class": "high"}, False),
        (priority("Exists"), {"priority_class": "low"}, True),
        (priority("DoesNotExist"), {"priority_class": "low"}, False),
        ({"scopes": ["OfNextYear"]}, {}, None),
        ({"scopes": ["OfNextYear", "BestEffort"]}, {}, False),
    ],
)
def test_all_of_its_scopes_have_to_match(quota: Json, pod: dict[str, Any], *, counted: bool | None) -> None:
    assert counts(quota, PodTraits(**pod)) is counted


AWAY = {"namespaces": ["data"], "topologyKey": "zone"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


@pytest.mark.parametrize(
    ("spec", "traits"),
    [
        ({"priorityClassName": "high"}, PodTraits(priority_class="high")),
        ({"activeDeadlineSeconds": 60}, PodTraits(has_deadline=True)),
        ({"affinity": {"podAffinity": {REQUIRED: [AWAY]}}}, PodTraits(reaches_namespaces=True)),
        (
            {"affinity": {"podAntiAffinity": {PREFERRED: [{"weight": 1, "podAffinityTerm": AWAY}]}}},
            PodTraits(reaches_namespaces=True),
        ),
        ({"affinity": {"podAntiAffinity": {REQUIRED: [{"topologyKey": "zone"}]}}}, PodTraits()),
    ],
)
def test_what_scopes_look_at_is_read_off_the_pod(spec: Json, traits: PodTraits) -> None:
    assert PodTraits.of(spec, is_best_effort=False) == traits
