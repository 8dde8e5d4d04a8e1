"""`springtide halt` and `springtide resume`: the switch that stops all writes, by its ConfigMap.

`springtide resume SERVICE` ends a pause: see `cli/pause.py`. Neither ever lifts the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from springtide.cli.answers import answering, print_record
from springtide.cli.cluster_note import ClusterNote
from springtide.cli.display import answer
from springtide.cli.groups import Offers, grouped
from springtide.cli.options import CliContext, Output, OutputOption, current_user, halt_by_environment
from springtide.cli.pause import resume_paused, say_pauses
from springtide.errors import InputError, SpringtideError
from springtide.recovery.rounds import scopes_of
from springtide.run.halt import Halt
from springtide.run.halting import pull, release
from springtide.run.ports import Ports
from springtide.workload import DEFAULT_CLUSTER

NamespaceOption = Annotated[
    list[str] | None,
    typer.Option("--namespace", "-n", help="Namespace to halt (repeatable). Default: those of all policies."),
]
Place = Annotated[CliContext, Offers("policies", "kubeconfig", "context")]
Resuming = Annotated[CliContext, Offers("policies", "kubeconfig", "context", "store")]


@grouped
def halt(
    why: Annotated[str, typer.Argument(metavar="WHY", help="Why; every answer repeats it.")],
    *,
    namespace: NamespaceOption = None,
    place: Place,
    output: OutputOption = Output.TABLE,
) -> None:
    """Stop all writes of springtide, whoever runs it: nothing begins, and what is under way stops at its next write.

    It writes the ConfigMap springtide-halt into each namespace, which takes rights of your own.
    """
    with answering(output):
        if not why.strip():
            raise InputError("why: say why in a few words; everything that is halted repeats them.", code="why_missing")
        _each(
            place,
            namespace,
            output,
            lambda ports, name: pull(ports.kube, ports.clock, name, by=current_user(), why=why),
        )


@grouped
def resume(
    service: Annotated[
        str | None, typer.Argument(metavar="[SERVICE]", help="End the pause of this service, and nothing else.")
    ] = None,
    *,
    namespace: NamespaceOption = None,
    reason: Annotated[str, typer.Option(help="Why the pause of SERVICE ends; kept with it.")] = "by hand",
    place: Resuming,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take back what `springtide halt` did; with SERVICE, what paused that one service, and no halt.

    Runs that a halt has stopped half-way are ended by the next reconcile. Services that are paused stay so without
    their name.
    """
    with answering(output):
        if service is not None:
            if namespace:
                raise InputError(
                    f"namespace: a pause is of a service, and a halt of namespaces. Resume {service} without "
                    "--namespace, or the namespace without a service.",
                    code="resume_ambiguous",
                    field="namespace",
                )
            resume_paused(place, service, reason, output)
            return
        _each(place, namespace, output, lambda ports, name: release(ports.kube, name))
        left = halt_by_environment()
        if left is not None and output is Output.TABLE:
            answer(f"{left.banner}; this command does not change that")
        say_pauses(place, output)


def _each(
    place: CliContext, asked: Sequence[str] | None, output: Output, act: Callable[[Ports, str], Halt | None]
) -> None:
    """Do `act` in each namespace, and answer with each; one that fails keeps no other from it.

    Raises:
        SpringtideError: the first that failed, behind the answer.
    """
    note = ClusterNote(output)
    done: dict[str, str] = {}
    failed: list[SpringtideError] = []
    for there, namespaces, cluster in _places(replace(place, store=None), asked):
        try:
            with there.ports(lambda _message: None) as ports:
                note.say(ports)
                failed += _each_of(ports, namespaces, cluster, act, done)
        except SpringtideError as error:  # a cluster that is away keeps no other from being halted
            failed.append(error)
            done |= {_called(name, cluster): f"failed: {error.message}" for name in namespaces}
    if output.is_for_programs:
        print_record({"namespaces": done} | note.record, output)
    else:
        for name, text in done.items():
            answer(f"{name}: {text}")
    if failed:
        raise failed[0]


def _each_of(
    ports: Ports,
    namespaces: Sequence[str],
    cluster: str,
    act: Callable[[Ports, str], Halt | None],
    done: dict[str, str],
) -> list[SpringtideError]:
    failed: list[SpringtideError] = []
    for name in namespaces:
        try:
            halted = act(ports, name)
        except SpringtideError as error:
            failed.append(error)
            done[_called(name, cluster)] = f"failed: {error.message}"
        else:
            done[_called(name, cluster)] = "nobody had halted it" if halted is None else str(halted)
    return failed


def _called(namespace: str, cluster: str) -> str:
    return f"{namespace} in cluster {cluster}" if cluster else namespace


def _places(place: CliContext, asked: Sequence[str] | None) -> list[tuple[CliContext, Sequence[str], str]]:
    """Return where to act, cluster by cluster: `asked` of the context alone, else the namespaces of all policies."""
    if asked:
        return [(place, asked, DEFAULT_CLUSTER)]
    scopes, unread = scopes_of(place.folder)
    if unread:
        raise unread[0]
    if not scopes:
        raise InputError(
            f"namespace: {place.folder.path} holds no policy that would say where to halt; pass --namespace NAME.",
            code="namespace_required",
            field="namespace",
        )
    return [(place.at(scope.policy), scope.namespaces, scope.cluster) for scope in scopes]
