"""`springtide tune`: finds the setting that would have served a service's last 7 days best, and keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from springtide.cli.answers import answering, print_json
from springtide.cli.display import out
from springtide.cli.groups import Offers, grouped
from springtide.cli.options import (
    CliContext,
    Output,
    OutputOption,
    ServiceArgument,
)
from springtide.clock import SystemClock

if TYPE_CHECKING:
    from springtide.training.tuning import TunedModel


@grouped
def tune(
    service: ServiceArgument,
    *,
    place: Annotated[CliContext, Offers("policies", "prometheus", "store")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Tune the auto models of SERVICE on its last 7 days, for its next plans. Once a day is enough.

    Reads demand, writes the store; never touches a cluster.
    """
    with answering(output):
        from springtide.training.tuning import auto_specs, tune_policy

        policy = place.policy(service)
        auto_specs(policy)
        with place.open_store() as opened:
            found = tune_policy(policy, place.demand(policy), opened, SystemClock().now())
        if output is Output.JSON:
            print_json([_record(one) for one in found])
        else:
            _show(found)


def _record(one: TunedModel) -> dict[str, Any]:
    tuned = None if one.tuned is None else one.tuned.to_record()
    startup = {"seconds": one.startup.seconds, "reason": one.startup.reason}
    return {"model": one.spec.model_dump(mode="json"), "tuned": tuned, "startup": startup, "stale": one.stale}


def _show(found: tuple[TunedModel, ...]) -> None:
    for one in found:
        head = f"auto, objective {one.spec.objective}, autoscaler {one.spec.autoscaler}"
        lines = [f"start-up {one.startup.seconds:.0f} s: {one.startup.reason}"]
        if one.tuned is None:
            lines.append("not tuned: less than a day of demand")
        else:
            violated = f"{one.tuned.violated_percent:.3f} % of the minutes of {one.tuned.days} days violated"
            lines += [str(one.tuned.setting), f"{violated}, at {one.tuned.cost_ratio:.2f} of the autoscaler's cost"]
        if one.stale is not None:
            lines.append(one.stale)
        out.print(f"[bold]{head}[/bold]", *lines, sep="\n  ", highlight=False, soft_wrap=True)
