"""Names what a Role lacks, where already the look at the workload is refused: all of it at once, in RBAC's terms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from springtide.errors import ClusterRefused
from springtide.plan.findings import require_passed
from springtide.plan.rights import looking_rights_of, placeholder_rights, rights_finding
from springtide.run.ports import Ports, RunRequest


@contextmanager
def named_rights(ports: Ports, request: RunRequest) -> Iterator[None]:
    """Let a look that is refused for want of a right say which rights are missing.

    Raises:
        InputError: rights are missing (`rbac_missing`).
        ClusterRefused: it is refused for something else.
    """
    try:
        yield
    except ClusterRefused as error:
        if error.code != "rbac_missing":
            raise
        target = request.policy.spec.target.workload
        warm = request.settings.warm_nodes
        looked_at = placeholder_rights(warm.deployment)[:1] if warm else ()
        needed = (*looking_rights_of(target, request.settings.type), *looked_at)
        missing = [right for right in needed if not ports.kube.may(right, target.namespace)]
        require_passed([rights_finding(needed, missing, target.namespace)])
        raise
