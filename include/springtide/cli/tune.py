"""`springtide tune`: finds the setting that would have served a service's last 7 days best, and keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from springtide.cli.answers import answering, print_record
from springtide.cli.display import answer
from springtide.cli.groups import Offers, grouped
from springtide.cli.options import (
    METRICS,
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
    place: Annotated[CliContext, Offers("policies", *METRICS, "store")],
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
            models = tune_policy(policy, place.demand(policy), opened, SystemClock().now())
        if output.is_for_programs:
            print_record([_record(model) for model in models], output)
        else:
            _show(models)


def _record(model: TunedModel) -> dict[str, Any]:
    tuned = None if model.tuned is None else model.tuned.to_record()
    startup = {"seconds": model.startup.seconds, "reason": model.startup.reason}
    return {"model": model.spec.model_dump(mode="json"), "tuned": tuned, "startup": startup, "stale": model.stale}


def _show(models: tuple[TunedModel, ...]) -> None:
    for model in models:
        head = f"auto, objective {model.spec.objective}, autoscaler {model.spec.autoscaler}"
        lines = [f"start-up {model.startup.seconds:.0f} s: {model.startup.reason}"]
        if model.tuned is None:
            lines.append("not tuned: less than a day of demand")
        else:
            violated = f"{model.tuned.violated_percent:.3f} % of the minutes of {model.tuned.days} days violated"
            lines += [str(model.tuned.setting), f"{violated}, at {model.tuned.cost_ratio:.2f} of the autoscaler's cost"]
        if model.stale is not None:
            lines.append(model.stale)
        answer(head, "bold")
        for line in lines:
            answer(f"  {line}")
