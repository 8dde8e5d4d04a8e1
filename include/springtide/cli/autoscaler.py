"""`springtide autoscaler`: the manifests with which the cluster follows a tuned setting; applied on request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.apply_autoscaler import ApplyRequest
from springtide.cli.apply_autoscaler import apply as apply_wish
from springtide.cli.display import yaml_of
from springtide.cli.groups import grouped
from springtide.cli.options import (
    CliContext,
    Ending,
    Output,
    OutputOption,
    ServiceArgument,
)

if TYPE_CHECKING:
    from springtide.autoscaling.manifests import Manifest
    from springtide.capacity.setting import Setting
    from springtide.policy.scaling.model import ScalingPolicy


class Follower(StrEnum):
    """What follows the recorded series."""

    HPA = "hpa"
    KEDA = "keda"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """Whether the manifests are written into the cluster, and which of them."""

    apply: Annotated[bool, typer.Option("--apply", help="Write both into the cluster, and only what differs.")] = False
    rule: Annotated[bool, typer.Option(help="With --apply: the rule as well, which needs the Prometheus Operator.")] = (
        True
    )
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --apply: show what differs, and write nothing.")] = (
        False
    )


@grouped
def autoscaler(
    service: ServiceArgument,
    *,
    by: Annotated[Follower, typer.Option(help="An HPA (needs prometheus-adapter), or a KEDA ScaledObject.")] = (
        Follower.HPA
    ),
    keda_prometheus: Annotated[str, typer.Option(help="Prometheus as KEDA reaches it, inside of the cluster.")] = (
        "http://prometheus-operated.monitoring:9090"
    ),
    asked: ApplyOptions,
    place: Ending,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the recording rule and the autoscaler of SERVICE as tuned last, for `kubectl apply -f -`.

    Changes nothing without --apply. Apply it again after `springtide tune`: only the rule's numbers change.
    """
    with answering(output):
        from springtide.autoscaling.manifests import horizontal_pod_autoscaler, scaled_object

        policy = place.policy(service)
        setting, source, stale = _tuned(place, policy)
        follower = scaled_object(policy, keda_prometheus) if by is Follower.KEDA else horizontal_pod_autoscaler(policy)
        if asked.apply:
            apply_wish(
                place,
                ApplyRequest(
                    policy=policy,
                    setting=setting,
                    follower=follower,
                    rule_by_hand=not asked.rule,
                    dry_run=asked.dry_run,
                ),
                output,
                typer.echo,
            )
            return
        _print(policy, setting, follower, [f"{setting} ({source})", *([stale] if stale else ())], output)


def _print(policy: ScalingPolicy, setting: Setting, follower: Manifest, notes: list[str], output: Output) -> None:
    from springtide.autoscaling.manifests import adapter_rule, recording_rule

    manifests = [recording_rule(policy, setting), follower]
    if output.is_for_programs:
        print_record(manifests, output)
        return
    if follower["kind"] == "HorizontalPodAutoscaler":
        notes = [*notes, "prometheus-adapter shows the series to the HPA with this in its configuration, once:"]
        notes += yaml_of(adapter_rule()).splitlines()
    typer.echo("".join(f"# {note}\n" for note in notes) + "---\n".join(map(yaml_of, manifests)), nl=False)


def _tuned(place: CliContext, policy: ScalingPolicy) -> tuple[Setting, str, str | None]:
    """Return the setting of the policy's next plan, where it is from, and whether the cluster follows another one."""
    from springtide.autoscaling.manifests import staleness, tuned_spec
    from springtide.capacity.auto import Auto
    from springtide.capacity.registry import build_model

    spec, _ = tuned_spec(policy)
    with place.open_store() as opened:
        learned = opened.learned(policy.name)
    model = build_model(spec, learned)
    assert isinstance(model, Auto)
    setting, source = model.setting(datetime.now(UTC))
    return setting, source, staleness(policy, setting, learned.applied)
