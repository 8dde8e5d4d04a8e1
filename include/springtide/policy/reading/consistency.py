"""What is wrong between the policies of a folder, each of which may be right by itself."""

from __future__ import annotations

from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePath
from typing import TYPE_CHECKING

from springtide.workload import DEFAULT_CLUSTER, in_cluster

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from springtide.errors import Violation
    from springtide.policy.reading.parse import PolicyFile


def inconsistencies(files: Sequence[PolicyFile], names: Collection[str]) -> Iterator[Violation]:
    """Yield what is wrong between `files`; `names` are all policies that there are, those that cannot be read too."""
    for file in files:
        yield from misnamed(file)
    yield from _shared(files)
    yield from _shared_placeholders(files)
    yield from _wrong_order(files, names)


def misnamed(file: PolicyFile) -> Iterator[Violation]:
    """Yield an error when a file is not called as its policy."""
    name = file.policy.name
    if PurePath(file.document.file).stem != name:
        yield file.violation("metadata.name", "policy_name_mismatch", f"call the file {name}.yaml, as its policy")


def _shared(files: Sequence[PolicyFile]) -> Iterator[Violation]:
    """Yield what belongs to two policies: a name, a workload, a Service that one of them switches.

    The same names in two clusters are two workloads.
    """
    owners: dict[tuple[str, tuple[str, ...], str], str] = {}
    switched = {_service_of(file) for file in files if file.policy.spec.strategy.type == "blue_green"}
    for file in files:
        target = file.policy.spec.target.workload
        claims = {
            ("metadata.name", (file.policy.name,), ""): "policy_duplicate_name",
            (f"spec.{target.field}", (target.namespace, target.deployment), target.cluster): "shared_workload",
        }
        if target.service is not None and _service_of(file) in switched:
            claims["spec.target.service", (target.namespace, target.service), target.cluster] = "shared_workload"
        reported = set()
        for claim, code in claims.items():
            owner = owners.setdefault(claim, file.document.file)
            field, names, cluster = claim
            if owner != file.document.file and field not in reported:
                reported.add(field)
                claimed = in_cluster("/".join(names), cluster)
                message = f"{claimed} belongs to {owner} already: one policy for one workload"
                yield file.violation(field, code, message)


def _shared_placeholders(files: Sequence[PolicyFile]) -> Iterator[Violation]:
    """Yield each Deployment of placeholders that another policy names, as its target or as its placeholders."""
    scaled = {}
    for file in files:
        target = file.policy.spec.target
        scaled[target.cluster, target.namespace, target.deployment] = file.document.file
    owners: dict[tuple[str | None, str, str], str] = {}
    for file in files:
        warm = file.policy.spec.strategy.warm_nodes
        if warm is None:
            continue
        target = file.policy.spec.target
        claim = (target.cluster, target.namespace, warm.deployment)
        owner = scaled.get(claim) or owners.setdefault(claim, file.document.file)
        if owner != file.document.file:
            claimed = in_cluster(f"{target.namespace}/{warm.deployment}", target.cluster or DEFAULT_CLUSTER)
            message = f"{claimed} belongs to {owner} already: a policy has placeholders of its own"
            yield file.violation("spec.strategy.warm_nodes.deployment", "shared_workload", message)


def _service_of(file: PolicyFile) -> tuple[str | None, str, str | None]:
    target = file.policy.spec.target
    return target.cluster, target.namespace, target.service


def _wrong_order(files: Sequence[PolicyFile], names: Collection[str]) -> Iterator[Violation]:
    """Yield each `after` that names no policy, and each that leads back to its own."""
    after = {file.policy.name: set(file.policy.spec.after) for file in files}
    for file in files:
        for name in file.policy.spec.after:
            if name not in names:
                near = get_close_matches(name, names, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield file.violation("spec.after", "service_unknown", f"there is no policy {name}{hint}")
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        circle = error.args[1]
        first = next(file for file in files if file.policy.name == circle[0])
        message = f"it leads in a circle: {' → '.join(circle[::-1])}"
        yield first.violation("spec.after", "policy_inconsistent", message)
