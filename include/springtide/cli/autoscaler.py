"""`springtide autoscaler`: the manifests with which the cluster follows a tuned setting. Prints; applies nothing."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from springtide.cli.answers import answering, print_json
from springtide.cli.options import (
    DEFAULT_POLICIES,
    DEFAULT_STORE,
    Output,
    OutputOption,
    Place,
    PoliciesOption,
    ServiceArgument,
    StoreOption,
)

if TYPE_CHECKING:
    from springtide.capacity.setting import Setting
    from springtide.plan.autoscaler import Manifest
    from springtide.policy.model import ScalingPolicy


class Follower(StrEnum):
    """What follows the recorded series."""

    HPA = "hpa"
    KEDA = "keda"


def autoscaler(
    service: ServiceArgument,
    *,
    by: Annotated[Follower, typer.Option(help="An HPA (needs prometheus-adapter), or a KEDA ScaledObject.")] = (
        Follower.HPA
    ),
    keda_prometheus: Annotated[str, typer.Option(help="Prometheus as KEDA reaches it, inside of the cluster.")] = (
        "http://prometheus-operated.monitoring:9090"
    ),
    policies: PoliciesOption = DEFAULT_POLICIES,
    store: StoreOption = DEFAULT_STORE,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the recording rule and the autoscaler of SERVICE as tuned last, for `kubectl apply -f -`.

    Changes nothing. Print it again after `springtide tune`: only the rule's numbers change.
    """
    place = Place(policies, None, None, None, store)
    with answering(output):
        from springtide.plan.autoscaler import adapter_rule, horizontal_pod_autoscaler, recording_rule, scaled_object

        policy = place.policy(service)
        setting, whence = _tuned(place, policy)
        follower = scaled_object(policy, keda_prometheus) if by is Follower.KEDA else horizontal_pod_autoscaler(policy)
        manifests = [recording_rule(policy, setting), follower]
        if output is Output.JSON:
            print_json(manifests)
            return
        notes = [f"{setting} ({whence})"]
        if by is Follower.HPA:
            notes += ["prometheus-adapter shows the series to the HPA with this in its configuration, once:"]
            notes += _yaml(adapter_rule()).splitlines()
        typer.echo("".join(f"# {note}\n" for note in notes) + "---\n".join(map(_yaml, manifests)), nl=False)


def _tuned(place: Place, policy: ScalingPolicy) -> tuple[Setting, str]:
    """Return the setting of the policy's next plan, and where it is from."""
    from springtide.capacity.auto import Auto
    from springtide.capacity.registry import build_model
    from springtide.plan.autoscaler import tuned_spec

    spec, _ = tuned_spec(policy)
    with place.open_store() as opened:
        model = build_model(spec, opened.learned(policy.name))
    assert isinstance(model, Auto)
    return model.setting(datetime.now(UTC))


def _yaml(manifest: Manifest) -> str:
    from ruamel.yaml import YAML

    yaml, text = YAML(), io.StringIO()
    yaml.width = 4096  # a query stays on its line
    yaml.default_flow_style = False
    yaml.dump(manifest, text)
    return text.getvalue()
