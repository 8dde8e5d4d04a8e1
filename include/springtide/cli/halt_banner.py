"""The line about a halt for commands that need no cluster: what is known of it, and what is not."""

from __future__ import annotations

from dataclasses import replace

from springtide.cli.display import tell
from springtide.cli.options import CliContext, Output, halt_by_environment
from springtide.errors import SpringtideError
from springtide.recovery.rounds import Scope, scopes_of
from springtide.run.halt import halt_in


def say_halts(place: CliContext, output: Output) -> None:
    """Tell people on stderr who has halted writes, by the environment or in a policy's namespace; or that nobody knows.

    Programs get an answer of one form, without it. Nothing is asked where no policy names a namespace.
    """
    if output.is_for_programs:
        return
    halt = halt_by_environment()
    if halt is not None:
        tell(halt.banner)
        return
    if not place.policies.is_dir():
        return
    try:
        scopes, _ = scopes_of(place.folder)
    except SpringtideError as error:
        tell(f"whether writes are halted is not known: {error.message}")
        return
    for scope in scopes:
        _say_in(place, scope)


def _say_in(place: CliContext, scope: Scope) -> None:
    try:
        with replace(place, store=None).at(scope.policy).ports(lambda _message: None) as ports:
            halts = [halt_in(ports.kube, namespace) for namespace in scope.namespaces]
    except SpringtideError as error:  # another cluster may have been halted all the same
        where = f" in cluster {scope.cluster}" if scope.cluster else ""
        tell(f"whether writes{where} are halted is not known: {error.message}")
        return
    for halt in halts:
        if halt is not None:
            tell(halt.banner)
