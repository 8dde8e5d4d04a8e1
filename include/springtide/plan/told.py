"""What keeps no run from beginning, and whoever reads its plan should know. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from springtide.kube.objects import Pod, Service
from springtide.kube.observation import PodSet
from springtide.kube.workloads import StatefulSet
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.footprint import beyond_template
from springtide.plan.model import ScalingPlan
from springtide.plan.preflight import foreign_controllers, has_probe, some

_CHECK: Final = "workload"


def workload_findings(
    stable: PodSet, plan: ScalingPlan, service: Service | None, selected: Sequence[Pod]
) -> Iterator[Finding]:
    """Yield what is unusual about the workload; `selected` are the pods that its Service's selector meets."""
    for message in (*_of_service(service, stable, selected), *_of_pods(stable, plan)):
        yield Finding(check=_CHECK, status=FindingStatus.WARNING, message=message)
    more = beyond_template(stable.scaled.pod_spec, stable.pods)
    if more:
        message = f"pods of {stable.scaled.title} request {more} in their template, and are counted as they are"
        yield Finding(check=_CHECK, status=FindingStatus.PASSED, message=message)


def _of_service(service: Service | None, stable: PodSet, selected: Sequence[Pod]) -> Iterator[str]:
    foreign = [] if service is None else foreign_controllers(stable, selected)
    if service is not None and foreign:
        yield (
            f"Service {service.name} also leads to the pods of {some(foreign)}: checks through its address reach those "
            f"as well, and only the pods of {stable.scaled.title} are counted"
        )
    if service is not None and service.is_headless:
        yield (
            f"Service {service.name} is headless: its clients keep pod addresses, and some still call a pod that is "
            "told to stop. A preStop that sleeps lets them notice"
        )


def _of_pods(stable: PodSet, plan: ScalingPlan) -> Iterator[str]:
    scaled = stable.scaled
    if not has_probe(scaled, "readinessProbe"):
        yield (
            f"no container of {scaled.title} has a readinessProbe: a pod is ready for good once its startupProbe has "
            "passed, whatever becomes of it. Add one"
        )
    if not stable.pods and plan.replicas > scaled.replicas:
        yield (
            f"no pod of {scaled.title} runs, so what a webhook or a LimitRange adds to new ones is not known, and not "
            "counted in quotas and on nodes"
        )
    if isinstance(scaled, StatefulSet) and scaled.deletes_volumes and plan.replicas < scaled.replicas:
        yield (
            f"{scaled.title} deletes the volume claims of the pods that go (persistentVolumeClaimRetentionPolicy."
            "whenScaled: Delete), and no roll back brings their data back"
        )
