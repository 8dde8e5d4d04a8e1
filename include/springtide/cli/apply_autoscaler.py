"""The second half of `springtide autoscaler --apply`: shows what differs, writes it, and notes it in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from springtide.autoscaling.apply import apply_writes, judge_autoscaler
from springtide.autoscaling.differences import Action
from springtide.autoscaling.manifests import applied_now, recording_rule
from springtide.cli.answers import print_record
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import yaml_of
from springtide.cli.options import CliContext, Output
from springtide.clock import SystemClock

if TYPE_CHECKING:
    from springtide.autoscaling.differences import Write
    from springtide.autoscaling.manifests import Manifest
    from springtide.capacity.setting import Setting
    from springtide.policy.scaling.model import ScalingPolicy
    from springtide.record.store import RunStore

APPLIED = "applied"
NOTHING = "nothing_to_do"
DRY = "dry_run"
PLANNED_ONLY = "planned_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """What is to be applied: the rule of `setting` (None of it, where a person keeps the rule) and `follower`."""

    policy: ScalingPolicy
    setting: Setting
    follower: Manifest
    rule_by_hand: bool
    dry_run: bool


def apply(place: CliContext, wish: ApplyRequest, output: Output, say: Callable[[str], None]) -> None:
    """Write what differs, and answer with an outcome: `applied`, `nothing_to_do`, `dry_run` or `planned_only`.

    Raises:
        SpringtideError: see `judge_autoscaler` and `apply_writes`.
    """
    note = ClusterNote(output)
    rule = None if wish.rule_by_hand else recording_rule(wish.policy, wish.setting)
    with place.only_at(wish.policy).ports(lambda _message: None) as ports:
        note.say(ports)
        writes = judge_autoscaler(ports.kube, wish.policy, rule, wish.follower)
        outcome = _outcome(wish, writes)
        if output is Output.TABLE:
            for write in writes:
                say("\n".join(_lines(write)))
        if outcome == APPLIED:
            ports.require_running(wish.policy.spec.target.namespace, "nothing is applied")
            apply_writes(ports.kube, writes)
        if outcome in {APPLIED, NOTHING}:
            _keep(ports.store, wish)
    if output.is_for_programs:
        objects = [judged.to_record() for judged in writes]
        answer = {"service": wish.policy.name, "outcome": outcome, "setting": wish.setting.to_record()}
        print_record(answer | {"objects": objects} | note.record, output)
    else:
        say(outcome)


def _outcome(wish: ApplyRequest, writes: Sequence[Write]) -> str:
    if wish.dry_run:
        return DRY
    if all(each.action is Action.KEEP for each in writes):
        return NOTHING
    return PLANNED_ONLY if wish.policy.spec.advises else APPLIED


def _keep(store: RunStore, wish: ApplyRequest) -> None:
    """Keep in the store what the cluster follows now, for `springtide tune` to know when it is stale."""
    applied = applied_now(wish.policy, wish.setting, wish.follower, at=SystemClock().now(), by_hand=wish.rule_by_hand)
    store.save_learned(wish.policy.name, replace(store.learned(wish.policy.name), applied=applied))


def _lines(write: Write) -> list[str]:
    if write.action is Action.KEEP:
        return [f"{write.title}: as it should be"]
    if write.action is Action.CREATE:
        return [f"{write.title}: new", *(f"  + {line}" for line in yaml_of(write.manifest).splitlines())]
    changed = [
        f"  {difference.field}\n    - {difference.before}\n    + {difference.after}" for difference in write.differences
    ]
    return [f"{write.title}: changed", *changed]
