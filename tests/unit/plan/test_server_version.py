"""On which Kubernetes a ReplicaSet may be set aside: older ones are refused, unknown ones told."""

from __future__ import annotations

import pytest

from springtide.kube.client import ServerVersion
from springtide.plan.findings import FindingStatus
from springtide.plan.server import KNOWN_VERSIONS, KnownVersions, server_finding

KNOWN = KnownVersions(oldest=ServerVersion(1, 27), newest=ServerVersion(1, 36), proven=(ServerVersion(1, 34),))


@pytest.mark.parametrize(
    ("minor", "status"),
    [
        (9, FindingStatus.REFUSED),
        (26, FindingStatus.REFUSED),
        (27, FindingStatus.WARNING),
        (33, FindingStatus.WARNING),
        (34, FindingStatus.PASSED),
        (36, FindingStatus.WARNING),
        (37, FindingStatus.WARNING),
    ],
)
def test_what_is_known_of_a_version(minor: int, status: FindingStatus) -> None:
    finding = server_finding(ServerVersion(1, minor), KNOWN)

    assert finding.status is status
    assert f"Kubernetes 1.{minor};" in finding.message
    assert "1.34" in finding.message


def test_a_refusal_says_from_which_version_on_it_works_and_what_to_use_until_then() -> None:
    finding = server_finding(ServerVersion(1, 26), KNOWN)

    assert finding.code == "server_version_unsupported"
    assert "works from 1.27 on" in finding.message
    assert "in_place" in finding.message


def test_every_version_that_is_said_to_be_proven_lies_among_those_that_were_read() -> None:
    assert KNOWN_VERSIONS.proven
    assert all(KNOWN_VERSIONS.oldest <= version <= KNOWN_VERSIONS.newest for version in KNOWN_VERSIONS.proven)
